package dev.gyre.kernels;

/** Finds out whether a backend works here, and opens it. Discovered by {@code ServiceLoader}. */
public interface BackendProvider {
  String name();

  /** Higher is tried first by {@code backend: auto}. */
  int preference();

  /** Looks without side effects that last; never throws. */
  BackendProbe probe();

  /**
   * @param threads kernel threads to use, at least 1
   * @throws IllegalStateException with the probe's reason when unavailable
   */
  Backend open(int threads);
}
