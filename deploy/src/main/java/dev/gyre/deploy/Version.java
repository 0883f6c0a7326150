package dev.gyre.deploy;

import dev.gyre.trainer.worker.BuildVersion;
import picocli.CommandLine;

/** The build's version, for people. */
public final class Version implements CommandLine.IVersionProvider {
  Version() {}

  @Override
  public String[] getVersion() {
    return new String[] {line()};
  }

  static String line() {
    return "gyre " + text() + "  JDK " + Runtime.version();
  }

  static String text() {
    return BuildVersion.text();
  }
}
