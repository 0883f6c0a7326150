package dev.gyre.kernels;

/** Finds out whether a backend works here, and opens it. Discovered by {@code ServiceLoader}. */
public interface BackendProvider {
  String name();

  /** Preference for {@code backend: auto}; higher is tried first. */
  int preference();

  /** Probes the CPU, without lasting side effects; never throws. */
  BackendProbe probe();

  /** The same for any device. A backend that only supports the CPU need not override it. */
  default BackendProbe probe(Device device) {
    return device.isCpu()
        ? probe()
        : new BackendProbe.Unavailable(name() + " computes on the CPU only, not on " + device);
  }

  /**
   * Opens it on the CPU.
   *
   * @param threads kernel threads to use, at least 1
   * @throws IllegalStateException with the probe's reason when unavailable
   */
  Backend open(int threads);

  /**
   * Opens it on a device.
   *
   * @param threads kernel threads to use on the host, at least 1
   * @throws IllegalStateException with the probe's reason when unavailable
   */
  default Backend open(int threads, Device device) {
    if (probe(device) instanceof BackendProbe.Unavailable(String reason)) {
      throw new IllegalStateException(reason);
    }
    return open(threads);
  }
}
