package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.conformance.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.Test;

class VectorBackendProviderTest {
  /** Prints the probe's reason and the message of the failed opening. */
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
  void withoutAccessToTheModuleItSaysWhatToAdd() throws Exception {
    List<String> said = ForkedJvm.run(Probe.class, "1");
    assertEquals(2, said.size(), said::toString);
    for (String reason : said) {
      assertTrue(reason.startsWith("this JVM cannot load the Vector API"), reason);
      assertTrue(
          reason.endsWith("start it with --add-exports java.base/jdk.internal.module=ALL-UNNAMED"),
          reason);
    }
  }
}
