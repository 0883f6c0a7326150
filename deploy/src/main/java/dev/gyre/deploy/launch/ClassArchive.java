package dev.gyre.deploy.launch;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * The class-data archive of a role's processes: their classes parsed and verified, mapped at the
 * start instead of read from jars (JEP 350). The checkout's script records a tiny run when it
 * builds a distribution, and keeps the archives there.
 */
final class ClassArchive {
  /** Names the folder to write archives to, in the run that is recorded. */
  private static final String RECORD = "gyre.record-classes";

  private static final int RECORDED_RANK = 0;

  private ClassArchive() {}

  /** JVM options that use the distribution's archive; none where there is no archive. */
  static List<String> options(ProcessRole role, int rank) {
    String name = role.name().toLowerCase(Locale.ROOT) + ".jsa";
    String record = System.getProperty(RECORD);
    if (record != null) {
      return rank == RECORDED_RANK
          ? List.of("-XX:ArchiveClassesAtExit=" + Path.of(record, name))
          : List.of();
    }
    return Distribution.current()
        .map(here -> here.folder().resolve("classes").resolve(name))
        .filter(Files::isReadable)
        .map(file -> List.of("-XX:SharedArchiveFile=" + file))
        .orElse(List.of());
  }
}
