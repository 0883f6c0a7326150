package dev.gyre.deploy.launch;

import java.util.Locale;

/** What a process of Gyre is there for: on its command line, so that people can tell them apart. */
public enum ProcessRole {
  LAUNCHER,
  COORDINATOR,
  WORKER;

  /** The option of its JVM, for example {@code -Dgyre.role=worker}. */
  String option() {
    return "-Dgyre.role=" + name().toLowerCase(Locale.ROOT);
  }
}
