package dev.gyre.deploy.options;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.plan.BackendChoice;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Dtypes;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Chooses the backend of a command that computes in its own process. */
public final class LocalBackend {
  private LocalBackend() {}

  /**
   * The backend's name, chosen by {@link BackendChoice} among the backends available on this CPU.
   *
   * @param wanted a name, or {@code auto} for the most preferred that computes the dtype
   * @throws CommandFailure naming the available backends, and why the others cannot be used
   */
  public static String choose(String wanted, DType dtype) {
    return choose(wanted, Device.CPU, dtype).name();
  }

  /**
   * Backend and dtype on a device.
   *
   * @param dtype null for {@code auto}
   * @throws CommandFailure as above
   */
  public static BackendChoice choose(String wanted, Device device, @Nullable DType dtype) {
    StartAgainException.requireBackend(wanted, device);
    String type = dtype == null ? BackendChoice.AUTO : Dtypes.name(dtype);
    try {
      return BackendChoice.choose(wanted, type, Backends.offers(wanted, device));
    } catch (Invalid e) {
      throw new CommandFailure(
          ExitCode.BAD_JOB,
          "--backend %s --dtype %s on %s: %s".formatted(wanted, type, device, e.problem()));
    }
  }

  /**
   * @param name name of one backend, or null for all
   * @param device device of the backends
   * @throws CommandFailure naming the known backends
   */
  public static List<BackendProvider> providers(@Nullable String name, Device device) {
    if (name != null) {
      StartAgainException.requireBackend(name, device);
    }
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
