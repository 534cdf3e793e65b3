package dev.panhead.trainer.cli;

import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote into the jar or the module. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
        Module module = Version.class.getModule();
        String version = module.isNamed()
                ? module.getDescriptor().rawVersion().orElse(null)
                : Version.class.getPackage().getImplementationVersion();
        return new String[] {"panhead " + (version == null ? "(not packaged)" : version)};
    }
}
