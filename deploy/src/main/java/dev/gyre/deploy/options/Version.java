package dev.gyre.deploy.options;

import dev.gyre.trainer.worker.BuildVersion;
import picocli.CommandLine;

/** Version of this build, as text for the user. */
public final class Version implements CommandLine.IVersionProvider {
  public Version() {}

  @Override
  public String[] getVersion() {
    return new String[] {line()};
  }

  public static String line() {
    return "gyre " + text() + "  JDK " + Runtime.version();
  }

  public static String text() {
    return BuildVersion.text();
  }
}
