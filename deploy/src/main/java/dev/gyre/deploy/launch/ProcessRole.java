package dev.gyre.deploy.launch;

import java.util.Locale;

/**
 * The role of a Gyre process. It is on the process's command line, so that users can tell processes
 * apart.
 */
public enum ProcessRole {
  LAUNCHER,
  COORDINATOR,
  WORKER;

  /** The JVM option of the role, for example {@code -Dgyre.role=worker}. */
  String option() {
    return "-Dgyre.role=" + name().toLowerCase(Locale.ROOT);
  }
}
