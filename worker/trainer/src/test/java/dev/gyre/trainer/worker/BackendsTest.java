package dev.gyre.trainer.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BackendsTest {
  private static List<String> asked(String wanted) {
    return Backends.offers(wanted, Device.CPU).stream()
        .map(WorkerCapabilities.Backend::name)
        .toList();
  }

  /** Asking libtorch means loading it, which takes seconds. */
  @Test
  void onlyABackendThatIsNamedAndAvailableIsAskedAlone() {
    List<String> all = Backends.all().stream().map(BackendProvider::name).toList();
    assertEquals(List.of("scalar"), asked("scalar"));
    assertEquals(1, Backends.capabilities("scalar", Device.CPU).size());
    assertEquals(1, Backends.table("scalar", Device.CPU).size());
    assertEquals(all, asked("auto"));
    assertEquals(all, asked("unknown"));
  }
}
