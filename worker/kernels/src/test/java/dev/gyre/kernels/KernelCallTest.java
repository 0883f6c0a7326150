package dev.gyre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KernelCallTest {
  @Test
  void onlyKernelsAreReceived() {
    List<String> received = new ArrayList<>();
    Kernels kernels = KernelCall.receivedBy(call -> received.add(call.kernel()));
    Kernels others = KernelCall.receivedBy(_ -> {});
    assertEquals(Set.of(kernels), Set.of(kernels));
    assertNotEquals(kernels, others);
    assertEquals("kernels whose calls are received", kernels.toString());
    kernels.fill(new Tensor(0, DType.F32, new long[] {0}), 1);
    assertEquals(List.of("fill"), received);
  }
}
