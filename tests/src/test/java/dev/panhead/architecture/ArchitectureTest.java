package dev.panhead.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArchitectureTest {
    private static JavaClasses shipped;

    @BeforeAll
    static void readShippedClasses() {
        shipped = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.panhead");
        assertTrue(shipped.contain("dev.panhead.kernel.Kernels"));
        assertTrue(shipped.contain("dev.panhead.trainer.cli.Main"));
    }

    @Test
    void onlyKernelTouchesTheVectorApi() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.panhead.kernel")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..")
                .check(shipped);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            tensor | exec,kernel,blas,math,head,optim,format,probe,trainer..
            exec | kernel,blas,math,head,optim,format,probe,trainer..
            kernel | blas,math,head,optim,format,probe,trainer..
            blas | head,optim,format,probe,trainer..
            head | format,probe,trainer..
            math | blas,head,optim,format,probe,trainer..
            optim | blas,head,format,probe,trainer..
            format | kernel,blas,math,head,optim,probe,trainer..
            probe | blas,math,head,optim,format,trainer..
            trainer.data | trainer.model,trainer.report,trainer.check,trainer.loop,trainer.cli
            trainer.report | trainer.data,trainer.model,trainer.check,trainer.loop,trainer.cli
            trainer.model | trainer.report,trainer.check,trainer.loop,trainer.cli
            trainer.check | trainer.report,trainer.loop,trainer.cli
            trainer.loop | trainer.cli
            """)
    void arrowsPointDown(String from, String banned) {
        String[] above = banned.split(",");
        for (int i = 0; i < above.length; i++) {
            above[i] = "dev.panhead." + above[i];
        }
        noClasses()
                .that()
                .resideInAPackage("dev.panhead." + from)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(above)
                .check(shipped);
    }

    @Test
    void nobodyLeavesSafeMemoryOrTheCallersThreads() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("sun.misc.Unsafe")
                .check(shipped);
        noClasses().should().callMethod(Arena.class, "ofAuto").check(shipped);
        // Nor do they access a confined arena's memory: C2 would make code for both kinds everywhere from then on.
        noClasses().should().callMethod(Arena.class, "ofConfined").check(shipped);
        noClasses().should().callMethod(ForkJoinPool.class, "commonPool").check(shipped);
        noClasses()
                .should()
                .callMethodWhere(JavaCall.Predicates.target(HasName.Predicates.name("reinterpret")))
                .check(shipped);
    }

    @Test
    void commonsMathServesTheCheckOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.panhead.trainer.check")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.commons.math3..")
                .check(shipped);
    }

    @Test
    void coreRequiresOnlyTheJdkAndHidesItsKernels() throws URISyntaxException {
        Path library = Path.of(
                Matrix.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        ModuleDescriptor core = ModuleFinder.of(library)
                .find("dev.panhead.core")
                .orElseThrow(() -> new AssertionError("no module dev.panhead.core in " + library))
                .descriptor();
        assertEquals(
                Set.of("java.base", "jdk.incubator.vector"),
                core.requires().stream().map(ModuleDescriptor.Requires::name).collect(Collectors.toSet()));
        assertTrue(core.requires().stream()
                .filter(required -> required.name().equals("jdk.incubator.vector"))
                .allMatch(required -> required.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC)));
        assertFalse(core.exports().stream().anyMatch(export -> export.source().equals("dev.panhead.kernel")));
    }
}
