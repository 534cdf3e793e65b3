package dev.panhead.trainer.launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** The process with vectors: the same arguments, standard streams and, in the end, exit code. */
public final class Child {

    private static final String MODULE = "dev.panhead.trainer";
    private static final String MAIN = "dev.panhead.trainer.cli.Main";
    private static final String NOTICE = "WARNING: Using incubator modules: jdk.incubator.vector";

    private Child() {}

    /** Runs the command line in a child, and ends with its exit code. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
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
        command.addAll(List.of(arguments));
        Process child = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.INHERIT)
                .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                .start();
        CountDownLatch copied = new CountDownLatch(1);
        Thread.ofPlatform().daemon().name("panhead-stderr").start(() -> copyErrors(child, copied));
        // A signal that reaches only this process is passed on; the child saves its work before it ends.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            child.toHandle()
                    .destroy(); // the process's own method would close its streams, with what it has still to say
            try {
                child.waitFor();
                copied.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        int exit = child.waitFor();
        copied.await();
        Runtime.getRuntime().exit(exit);
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
