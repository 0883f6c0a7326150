package dev.gyre.deploy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine;

/** The build's version, as the build wrote it. */
public final class Version implements CommandLine.IVersionProvider {
  Version() {}

  @Override
  public String[] getVersion() {
    return new String[] {line()};
  }

  static String line() {
    return "gyre " + text() + "  JDK " + Runtime.version();
  }

  public static String text() {
    try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
      if (in == null) {
        throw new IllegalStateException("the build left out version.properties");
      }
      Properties p = new Properties();
      p.load(in);
      return p.getProperty("version");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
