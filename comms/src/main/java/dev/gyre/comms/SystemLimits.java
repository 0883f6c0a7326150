package dev.gyre.comms;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Limits of the system that a process meets: which one it was, its value, and the way out. */
public enum SystemLimits {
  OPEN_FILES("Max open files", "open files", "ulimit -n"),
  PROCESSES("Max processes", "processes and threads", "ulimit -u, or the container's pids.max"),
  FILE_SIZE("Max file size", "file sizes", "ulimit -f");

  private static final Path LIMITS = Path.of("/proc/self/limits");

  private final String key;
  private final String what;
  private final String command;

  SystemLimits(String key, String what, String command) {
    this.key = key;
    this.what = what;
    this.command = command;
  }

  /** This process's soft limit; −1 if there is none, or the system does not tell. */
  public long value() {
    try {
      return Files.isReadable(LIMITS) ? value(Files.readString(LIMITS), key) : -1;
    } catch (IOException unreadable) {
      return -1;
    }
  }

  /**
   * @param limits the text of /proc/self/limits
   */
  static long value(String limits, String key) {
    Matcher soft =
        Pattern.compile("^" + Pattern.quote(key) + " +(\\d+)", Pattern.MULTILINE).matcher(limits);
    return soft.find() ? Long.parseLong(soft.group(1)) : -1;
  }

  private String advice() {
    long value = value();
    return "raise the limit on %s (%s%s)"
        .formatted(what, command, value < 0 ? "" : ", now " + value);
  }

  /**
   * What the user can do about a failure that the system explains with these words.
   *
   * @param message of an exception of the JDK, which quotes strerror(3)
   * @return empty if it names no limit
   */
  public static Optional<String> advice(@Nullable String message) {
    String text = message == null ? "" : message.toLowerCase(Locale.ROOT);
    if (text.contains("file too large")) {
      return Optional.of(FILE_SIZE.advice());
    }
    if (text.contains("too many open files")) {
      return Optional.of(OPEN_FILES.advice());
    }
    boolean processes =
        text.contains("resource temporarily unavailable")
            || text.contains("unable to create native thread");
    return processes ? Optional.of(PROCESSES.advice()) : Optional.empty();
  }
}
