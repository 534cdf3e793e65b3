package dev.panhead.trainer.launcher;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

/**
 * Starts the command line on a Java that has the Vector API switched on: if this one does not, once more, as a child with the
 * same arguments and standard streams, whose exit code becomes this one's.
 *
 * <p>{@code -Dpanhead.relaunch=false} keeps everything in this process. This class uses nothing younger than Java 8.
 */
public final class Launcher {

    private static final int REQUIRED = 25;
    private static final int TOO_OLD = 2;
    private static final String MAIN = "dev.panhead.trainer.cli.Main";
    private static final String CHILD = "dev.panhead.trainer.launcher.Child";
    private static final String VECTOR_CLASS = "jdk.incubator.vector.FloatVector";

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
            call(MAIN, arguments);
        } else {
            call(CHILD, arguments);
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

    private static void call(String name, String[] arguments) throws Exception {
        Method main = Class.forName(name).getMethod("main", String[].class);
        try {
            main.invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Error) {
                throw (Error) e.getCause();
            }
            throw (Exception) e.getCause();
        }
    }
}
