/** Panhead's trainer: heads of language models, trained on text, conversations or hidden states from the command line. */
module dev.panhead.trainer {
    requires dev.panhead.core;
    requires java.desktop;
    requires java.logging;
    requires jdk.jfr;
    requires java.management;
    requires jdk.management;
    requires info.picocli;
    requires com.fasterxml.jackson.jr.ob;
    requires com.fasterxml.jackson.core;
    requires me.tongfei.progressbar;
    requires commons.math3;
    requires jtokkit;
    requires org.knowm.xchart;

    opens dev.panhead.trainer.cli to
            info.picocli;
}
