package dev.gyre.deploy.bench;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * Detects when the JIT of this JVM is idle, so that measurements are not disturbed by compilation.
 */
final class CompilerIdle {
  /** Longer than one compilation, because the JVM counts compilations when they end. */
  private static final long REST_NANOS = 200_000_000;

  private final @Nullable CompilationMXBean jit = ManagementFactory.getCompilationMXBean();
  private long compiledMillis;
  private long since = System.nanoTime();

  /** Whether no compilation has ended for a while; to be called repeatedly. */
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
