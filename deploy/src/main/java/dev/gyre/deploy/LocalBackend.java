package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Dtypes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which backend a command uses that computes in its own process. */
final class LocalBackend {
  private LocalBackend() {}

  /**
   * @param wanted a name, or {@code auto} for the most preferred that computes the dtype
   * @throws CommandFailure naming what there is, and why the others cannot be used
   */
  static String choose(String wanted, DType dtype) {
    return choose(wanted, Device.CPU, dtype);
  }

  /**
   * The same on a device.
   *
   * @throws CommandFailure as above
   */
  static String choose(String wanted, Device device, DType dtype) {
    List<String> there = new ArrayList<>();
    List<String> not = new ArrayList<>();
    for (BackendProvider provider : Backends.all()) {
      boolean asked = wanted.equals("auto") || wanted.equals(provider.name());
      switch (provider.probe(device)) {
        case BackendProbe.Available a -> {
          if (asked && a.dtypes().contains(dtype)) {
            return provider.name();
          }
          List<String> dtypes = a.dtypes().stream().map(Dtypes::name).sorted().toList();
          there.add(provider.name() + " (" + String.join(", ", dtypes) + ")");
        }
        case BackendProbe.Unavailable u -> not.add(provider.name() + ": " + u.reason());
      }
    }
    throw new CommandFailure(
        ExitCode.BAD_JOB,
        "--backend %s with %s on %s is not possible here. There %s%s"
            .formatted(
                wanted,
                Dtypes.name(dtype),
                device,
                there.isEmpty() ? "is none" : "are " + String.join(", ", there),
                not.isEmpty() ? "" : "; not available: " + String.join("; ", not)));
  }

  /**
   * @param name of one, or null for all
   * @throws CommandFailure naming those there are
   */
  static List<BackendProvider> providers(@Nullable String name) {
    List<BackendProvider> all = Backends.all();
    List<BackendProvider> named =
        name == null ? all : all.stream().filter(p -> p.name().equals(name)).toList();
    if (named.isEmpty()) {
      String known = all.stream().map(BackendProvider::name).collect(Collectors.joining(", "));
      throw new CommandFailure(
          ExitCode.BAD_JOB, "--backend %s: there are %s".formatted(name, known));
    }
    return named;
  }
}
