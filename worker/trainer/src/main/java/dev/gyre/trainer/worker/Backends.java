package dev.gyre.trainer.worker;

import dev.gyre.comms.control.Capability;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The backends on this worker's class path, and those that can be downloaded. */
public final class Backends {
  /** Answers of this process: they do not change, and each opens a native library. */
  private static final Map<String, BackendProbe> PROBED = new ConcurrentHashMap<>();

  private Backends() {}

  private static BackendProbe probe(BackendProvider provider, Device device) {
    return PROBED.computeIfAbsent(
        provider.getClass().getName() + " " + device, _ -> provider.probe(device));
  }

  /** Most preferred first. */
  public static List<BackendProvider> all() {
    List<BackendProvider> found = new ArrayList<>();
    ServiceLoader.load(BackendProvider.class).forEach(found::add);
    if (found.stream().noneMatch(p -> p.name().equals(BackendDownload.TORCH.name()))) {
      found.add(BackendDownload.TORCH);
    }
    found.sort(Comparator.comparingInt(BackendProvider::preference).reversed());
    return found;
  }

  /** A backend's answer. */
  private record Probed(String name, BackendProbe probe) {}

  /**
   * The backends that a choice is made of. To ask libtorch means to load it: where a named backend
   * can be used, no other is asked.
   */
  private static Stream<Probed> probed(String wanted, Device device) {
    List<BackendProvider> all = all();
    for (BackendProvider provider : all) {
      if (provider.name().equals(wanted)
          && probe(provider, device) instanceof BackendProbe.Available there) {
        return Stream.of(new Probed(wanted, there));
      }
    }
    return all.stream().map(provider -> new Probed(provider.name(), probe(provider, device)));
  }

  /**
   * Capabilities of the wanted backend, or of all where it is {@code auto} or cannot be used, most
   * preferred first, as the planner takes them.
   */
  public static List<WorkerCapabilities.Backend> offers(String wanted, Device device) {
    return probed(wanted, device).map(p -> offer(p.name, p.probe)).toList();
  }

  private static WorkerCapabilities.Backend offer(String name, BackendProbe probe) {
    return switch (probe) {
      case BackendProbe.Available a ->
          new WorkerCapabilities.Backend(
              name, "", names(a.dtypes()), names(a.nativeDtypes()), a.instructionSet());
      case BackendProbe.Unavailable u ->
          new WorkerCapabilities.Backend(name, u.reason(), List.of(), List.of(), "");
    };
  }

  private static List<String> names(Set<DType> dtypes) {
    return dtypes.stream().map(Dtypes::name).sorted().toList();
  }

  /** The same as {@link #offers}, as sent to the coordinator. */
  public static List<Capability> capabilities(String wanted, Device device) {
    return probed(wanted, device).map(p -> capability(p.name, p.probe)).toList();
  }

  private static Capability capability(String name, BackendProbe probe) {
    Capability.Builder c = Capability.newBuilder().setBackend(name);
    switch (probe) {
      case BackendProbe.Available a -> {
        c.setAvailable(true).setDevice(a.device());
        c.setInstructionSet(a.instructionSet()).setLibrary(a.library());
        c.addAllDtypes(names(a.dtypes())).addAllNativeDtypes(names(a.nativeDtypes()));
      }
      case BackendProbe.Unavailable u -> c.setReason(u.reason());
    }
    return c.build();
  }

  /**
   * Capabilities of an opened backend.
   *
   * @throws IllegalArgumentException if it is not available
   */
  public static BackendProbe.Available available(String name, Device device) {
    for (BackendProvider provider : all()) {
      if (provider.name().equals(name)
          && probe(provider, device) instanceof BackendProbe.Available there) {
        return there;
      }
    }
    throw new IllegalArgumentException("backend " + name + " is not available");
  }

  /** The same as {@link #offers}, a line each; for logs. */
  static List<String> table(String wanted, Device device) {
    return probed(wanted, device).map(p -> line(p.name, p.probe)).toList();
  }

  private static String line(String name, BackendProbe probe) {
    return switch (probe) {
      case BackendProbe.Available a ->
          "backend %-8s %s  %s  %s  %s"
              .formatted(
                  name,
                  String.join(", ", names(a.dtypes())),
                  a.device(),
                  a.instructionSet(),
                  a.library());
      case BackendProbe.Unavailable u -> "backend %-8s unavailable: %s".formatted(name, u.reason());
    };
  }

  /**
   * Opens exactly this backend.
   *
   * @throws IllegalArgumentException naming it and the known backends, or why it is unavailable
   */
  public static Backend open(String name, int threads, Device device) {
    List<String> names = new ArrayList<>();
    for (BackendProvider provider : all()) {
      if (provider.name().equals(name)) {
        if (probe(provider, device) instanceof BackendProbe.Unavailable u) {
          throw new IllegalArgumentException("backend " + name + " is unavailable: " + u.reason());
        }
        return provider.open(threads, device);
      }
      names.add(provider.name());
    }
    throw new IllegalArgumentException(
        "backend '" + name + "' is not known; there are " + String.join(", ", names));
  }
}
