package dev.panhead.trainer.cli;

import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote into the jar or the module. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[] {"panhead " + number()};
    }

    static String number() {
        Module module = Version.class.getModule();
        String version = module.isNamed()
                ? module.getDescriptor().rawVersion().orElse(null)
                : Version.class.getPackage().getImplementationVersion();
        return version == null ? "(not packaged)" : version;
    }
}
