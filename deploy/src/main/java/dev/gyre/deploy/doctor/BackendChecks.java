package dev.gyre.deploy.doctor;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.trainer.calibration.Calibration;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.calibration.SlowKernel;
import dev.gyre.trainer.worker.Dtypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Probes each backend and measures its rates on this machine. */
public final class BackendChecks {
  /** The reference backend. */
  private static final String SCALAR = "scalar";

  private final RateCache cache;
  private final String version;
  private final Device device;
  private final boolean afresh;

  /**
   * @param cache rates of earlier runs; new measurements are added
   * @param version of this build
   * @param device where backends are to compute
   * @param afresh whether to discard cached rates and measure again
   */
  public BackendChecks(RateCache cache, String version, Device device, boolean afresh) {
    this.cache = cache;
    this.version = version;
    this.device = device;
    this.afresh = afresh;
  }

  /**
   * A finding for each backend, and one for each dtype of available backends other than the
   * reference.
   */
  public List<Finding> of(List<BackendProvider> providers) {
    List<Finding> findings = new ArrayList<>();
    boolean any = false;
    for (BackendProvider provider : providers) {
      String subject = "backend " + provider.name();
      switch (provider.probe(device)) {
        case BackendProbe.Unavailable u ->
            findings.add(Finding.couldBeBetter(subject, "unavailable", u.reason()));
        case BackendProbe.Available a -> {
          findings.add(Finding.ok(subject, describe(provider, a)));
          if (!provider.name().equals(SCALAR)) {
            any = true;
            for (DType dtype : a.dtypes().stream().sorted().toList()) {
              findings.add(rates(provider, a, dtype));
            }
          }
        }
      }
    }
    if (!any) {
      findings.add(
          Finding.broken(
              "backends",
              device.isCpu() ? "only the scalar reference" : "none on " + device,
              device.isCpu()
                  ? "see the reasons above; training with it takes days"
                  : "see the reasons above",
              ExitCode.BAD_JOB));
    }
    return findings;
  }

  private static String describe(BackendProvider provider, BackendProbe.Available a) {
    String dtypes =
        a.dtypes().stream()
            .sorted()
            .map(t -> Dtypes.name(t) + (a.nativeDtypes().contains(t) ? "" : " (storage)"))
            .collect(Collectors.joining(", "));
    return "%s  %s  %s  %s%s"
        .formatted(
            dtypes,
            a.device(),
            a.instructionSet(),
            a.library(),
            provider.name().equals(SCALAR) ? "  (the reference; slow)" : "");
  }

  private Finding rates(BackendProvider provider, BackendProbe.Available a, DType dtype) {
    String name = Dtypes.name(dtype);
    String subject = provider.name() + " " + name;
    Machine machine = Machine.here(version, provider.name(), a, name, 1);
    if (afresh) {
      cache.forget(machine);
    }
    KernelRates known = cache.find(machine);
    if (known.rates().known()) {
      return Finding.ok(subject, text(known) + "  (measured before)");
    }
    try (Backend backend = provider.open(1, device)) {
      Calibration.Result measured = Calibration.measure(backend, dtype, machine, cache);
      return measured.slow().isEmpty()
          ? Finding.ok(subject, text(measured.rates()))
          : Finding.couldBeBetter(
              subject,
              text(measured.rates()),
              measured.slow().stream().map(SlowKernel::describe).collect(Collectors.joining(", "))
                  + "; the compiler may do better in another process: run this again");
    }
  }

  private String text(KernelRates rates) {
    return String.format(
        Locale.ROOT,
        "%s: matmul %.3g GFLOP/s, attention %.3g forward, %.3g backward; norm %.3g GB/s, AdamW"
            + " %.3g",
        device.isCpu() ? "a core" : device,
        rates.matmulFlopsPerSecond() / 1e9,
        rates.of(KernelWorkload.ATTENTION) / 1e9,
        rates.of(KernelWorkload.ATTENTION_BACKWARD) / 1e9,
        rates.of(KernelWorkload.RMS_NORM) / 1e9,
        rates.of(KernelWorkload.ADAM_W) / 1e9);
  }
}
