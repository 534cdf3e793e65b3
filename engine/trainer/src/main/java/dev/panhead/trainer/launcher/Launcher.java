package dev.panhead.trainer.launcher;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Starts the command line on a Java that has the Vector API switched on: if this one does not, once more, as a child with the
 * same arguments and standard streams, whose exit code becomes this one's.
 *
 * <p>{@code -Dpanhead.relaunch=false} keeps everything in this process. This class uses nothing younger than Java 8.
 */
public final class Launcher {

    private static final int REQUIRED = 25;
    private static final int TOO_OLD = 2;
    private static final String MODULE = "dev.panhead.trainer";
    private static final String MAIN = "dev.panhead.trainer.cli.Main";
    private static final String VECTOR_CLASS = "jdk.incubator.vector.FloatVector";
    private static final String NOTICE = "WARNING: Using incubator modules: jdk.incubator.vector";

    private Launcher() {}

    /** Starts the command line. */
    public static void main(String[] arguments) throws Exception {
        String version = System.getProperty("java.specification.version", "");
        int release = version.startsWith("1.") ? Integer.parseInt(version.substring(2)) : Integer.parseInt(version);
        if (release < REQUIRED) {
            System.err.println("panhead needs Java " + REQUIRED + " or newer, but was started with Java " + version
                    + " (" + System.getProperty("java.home") + ")");
            System.exit(TOO_OLD);
        }
        if (hasVectors() || "false".equals(System.getProperty("panhead.relaunch"))) {
            callMain(arguments);
        } else {
            System.exit(relaunch(arguments));
        }
    }

    private static boolean hasVectors() {
        try {
            Class.forName(VECTOR_CLASS, false, ClassLoader.getSystemClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private static void callMain(String[] arguments) throws Exception {
        Method main = Class.forName(MAIN).getMethod("main", String[].class);
        try {
            main.invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Error) {
                throw (Error) e.getCause();
            }
            throw (Exception) e.getCause();
        }
    }

    private static int relaunch(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("--add-modules");
        command.add("jdk.incubator.vector");
        command.add("-Dpanhead.relaunch=false");
        command.add("-Dpanhead.launched=true");
        String modulePath = System.getProperty("jdk.module.path");
        if (System.getProperty("jdk.module.main") == null || modulePath == null) {
            command.add("-cp");
            command.add(System.getProperty("java.class.path"));
            command.add(MAIN);
        } else {
            command.add("-p");
            command.add(modulePath);
            command.add("-m");
            command.add(MODULE + "/" + MAIN);
        }
        for (String argument : arguments) {
            command.add(argument);
        }
        Process child = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.INHERIT)
                .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                .start();
        CountDownLatch copied = new CountDownLatch(1);
        Thread copier = new Thread(() -> copyErrors(child, copied), "panhead-stderr");
        copier.setDaemon(true);
        copier.start();
        // A signal that reaches only this process is passed on; the child saves its work before it ends.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            child.destroy();
            try {
                child.waitFor();
                copied.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        int exit = child.waitFor();
        copied.await();
        return exit;
    }

    /** Passes the child's standard error on, but for the virtual machine's notice about the incubator module. */
    private static void copyErrors(Process child, CountDownLatch copied) {
        try (InputStream errors = child.getErrorStream()) {
            OutputStream out = System.err;
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            byte[] buffer = new byte[8192];
            boolean first = true;
            for (int n = errors.read(buffer); n >= 0; n = errors.read(buffer)) {
                int from = 0;
                while (first && from < n) {
                    byte b = buffer[from++];
                    line.write(b);
                    if (b == '\n' || line.size() > NOTICE.length() + 2) {
                        first = false;
                        if (!line.toString().trim().equals(NOTICE)) {
                            line.writeTo(out);
                        }
                    }
                }
                out.write(buffer, from, n - from);
                out.flush();
            }
            if (first) {
                line.writeTo(out);
                out.flush();
            }
        } catch (IOException e) {
            System.err.println("panhead: standard error could not be passed on: " + e.getMessage());
        } finally {
            copied.countDown();
        }
    }
}
