package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.BackendProbe;
import java.util.List;
import org.junit.jupiter.api.Test;

class VectorBackendProviderTest {
  /** Prints the probe's reason and what opening says. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] arguments) {
      VectorBackendProvider provider = new VectorBackendProvider();
      if (provider.probe() instanceof BackendProbe.Unavailable(String reason)) {
        System.out.println(reason);
      }
      try {
        provider.open(Integer.parseInt(arguments[0])).close();
      } catch (IllegalStateException unavailable) {
        System.out.println(unavailable.getMessage());
      }
    }
  }

  @Test
  void withoutTheModuleItSaysWhatToAdd() throws Exception {
    String reason =
        "this JVM was started without the Vector API: add --add-modules jdk.incubator.vector";
    assertEquals(List.of(reason, reason), ForkedJvm.run(Probe.class, "1"));
  }
}
