package dev.gyre.deploy.bench;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** Says when this JVM has stopped compiling, so that what is timed then is the code itself. */
final class CompilerIdle {
  /** Longer than one compilation: the JVM counts each when it ends. */
  private static final long REST_NANOS = 200_000_000;

  private final @Nullable CompilationMXBean jit = ManagementFactory.getCompilationMXBean();
  private long compiledMillis;
  private long since = System.nanoTime();

  /** Whether none has ended for a while; asked now and then. */
  boolean isAtRest() {
    long now = System.nanoTime();
    long compiled =
        jit == null || !jit.isCompilationTimeMonitoringSupported()
            ? 0
            : jit.getTotalCompilationTime();
    if (compiled != compiledMillis) {
      compiledMillis = compiled;
      since = now;
    }
    return now - since >= REST_NANOS;
  }
}
