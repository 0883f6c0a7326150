package dev.gyre.kernels.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.conformance.ForkedJvm;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Once compiled, products and attention allocate nothing. Checked in a new JVM, which has not seen
 * the suite's many shapes, with the JVM's own thresholds: with Gyre's lower ones it now and then
 * compiles a kernel before it can inline the Vector API.
 */
final class OneDnnAllocationTest {
  @Test
  void warmCallsAllocateNothing() throws IOException, InterruptedException {
    assertEquals(
        List.of("0"),
        ForkedJvm.run(OneDnnAllocationProbe.class, List.of(), "--add-modules=jdk.incubator.vector"),
        "bytes per round");
  }
}
