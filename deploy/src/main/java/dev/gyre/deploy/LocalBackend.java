package dev.gyre.deploy;

import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Dtypes;
import java.util.ArrayList;
import java.util.List;

/** Which backend a command uses that computes in its own process. */
final class LocalBackend {
  private LocalBackend() {}

  /**
   * @param wanted a name, or {@code auto} for the most preferred that computes the dtype
   * @throws CommandFailure naming what there is, and why the others cannot be used
   */
  static String choose(String wanted, DType dtype) {
    List<String> there = new ArrayList<>();
    List<String> not = new ArrayList<>();
    for (BackendProvider provider : Backends.all()) {
      boolean asked = wanted.equals("auto") || wanted.equals(provider.name());
      switch (provider.probe()) {
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
        "--backend %s with %s is not possible here. There are %s%s"
            .formatted(
                wanted,
                Dtypes.name(dtype),
                String.join(", ", there),
                not.isEmpty() ? "" : "; not available: " + String.join("; ", not)));
  }
}
