/** Panhead's trainer: language-model heads trained from text on a CPU, from the command line. */
module dev.panhead.trainer {
    requires dev.panhead.core;
    requires java.logging;
    requires java.management;
    requires jdk.management;
    requires info.picocli;
    requires com.fasterxml.jackson.jr.ob;
    requires me.tongfei.progressbar;
    requires commons.math3;
    requires jtokkit;

    opens dev.panhead.trainer.cli to
            info.picocli;
}
