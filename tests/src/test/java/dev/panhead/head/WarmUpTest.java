package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.panhead.kernel.Kernels;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** When a process warms up; by classes that are loaded anew, as in a process of its own. */
class WarmUpTest {

    private Method before;

    private boolean before(long tokens, boolean gradients) throws ReflectiveOperationException {
        return (boolean) before.invoke(null, tokens, 64, 8192, gradients);
    }

    @Test
    void onceForTheLossAndOnceForGradients() throws Exception {
        withFreshClasses(fresh -> {
            assertEquals(false, before(8, true), "a small call");
            assertEquals(false, before(100, false), "small for a loss");
            Thread.currentThread().interrupt();
            InvocationTargetException thrown = assertThrows(InvocationTargetException.class, () -> before(200, false));
            assertInstanceOf(CancellationException.class, thrown.getCause());
            assertTrue(Thread.interrupted());
            assertEquals(true, before(200, false), "again after one that was interrupted");
            assertEquals(false, before(200, false), "the second loss");
            assertEquals(true, before(100, true), "the first gradients");
            assertEquals(false, before(200, true), "the second gradients");
            assertEquals(false, before(200, false), "a loss after them");
        });
    }

    @Test
    void nothingIsLeftToDoAfterOneThatWasAskedFor() throws Exception {
        withFreshClasses(fresh -> {
            fresh.loadClass(LinearCrossEntropy.class.getName())
                    .getMethod("warmUp")
                    .invoke(null);
            assertEquals(false, before(200, true), "the first gradients");
        });
    }

    /** What is done with classes that are loaded anew. */
    private interface Body {
        void run(ClassLoader fresh) throws Exception;
    }

    private void withFreshClasses(Body body) throws Exception {
        assumeTrue(Kernels.current().vectorBits() > Float.SIZE, "scalars need no warm-up");
        URL[] path = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> {
                    try {
                        return new File(entry).toURI().toURL();
                    } catch (java.net.MalformedURLException e) {
                        throw new AssertionError(e);
                    }
                })
                .toArray(URL[]::new);
        try (URLClassLoader fresh = new URLClassLoader(path, ClassLoader.getPlatformClassLoader())) {
            before = fresh.loadClass(WarmUp.class.getName())
                    .getDeclaredMethod("before", long.class, int.class, int.class, boolean.class);
            before.setAccessible(true);
            body.run(fresh);
        }
    }
}
