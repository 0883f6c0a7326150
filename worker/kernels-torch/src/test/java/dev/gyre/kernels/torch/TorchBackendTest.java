package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;

class TorchBackendTest {
  private final TorchBackendProvider provider = new TorchBackendProvider();

  /** Tensors of one small step of every kind of kernel, those with lists of integers included. */
  private record Step(Arena arena, Kernels kernels) {
    Tensor zeros(DType type, long... dims) {
      return Tensors.zeros(arena, type, dims);
    }
  }

  private static Runnable calls(Kernels kernels, Arena arena) {
    Step s = new Step(arena, kernels);
    Tensor q = s.zeros(DType.BF16, 64, 4, 16);
    Tensor k = s.zeros(DType.BF16, 64, 2, 16);
    Tensor out = s.zeros(DType.F32, 64, 4, 16);
    Tensor dk = s.zeros(DType.F32, 64, 2, 16);
    Tensor lse = s.zeros(DType.F32, 64, 4);
    Tensor x = s.zeros(DType.BF16, 64, 128);
    Tensor w = s.zeros(DType.BF16, 2, 32, 128);
    Tensor y = s.zeros(DType.F32, 64, 32);
    Tensor state = s.zeros(DType.F32, 1000);
    Tensor sum = s.zeros(DType.F64, 1);
    int[] kvHeadOf = {0, 0, 1, 1};
    int[] offsets = {0, 20, 64};
    AttentionTiles tiles =
        new AttentionTiles.Builder()
            .add(0, 64, 0, 64, 0, AttentionTiles.UNLIMITED)
            .add(0, 64, 0, 64, 0, 9)
            .build();
    return () -> {
      kernels.attention(q, k, k, kvHeadOf, tiles, 0.25f, out, lse);
      kernels.attentionBackward(q, k, k, kvHeadOf, tiles, 0.25f, q, lse, lse, out, dk, dk);
      kernels.groupedLinear(x, w, offsets, y);
      kernels.adamW(state, state, state, state, 1, 0.1f, 0.9f, 0.9f, 1e-8f, 0, 1);
      kernels.sumSquares(state, sum);
      kernels.sum(state, sum);
    };
  }

  @Test
  void callsLeaveNothingBehind() {
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(1)) {
      Runnable calls = calls(backend.kernels(), arena);
      for (int i = 0; i < 100; i++) {
        calls.run();
      }
      long objects = Pointer.totalCount();
      long bytes = Pointer.physicalBytes();
      for (int i = 0; i < 500; i++) {
        calls.run();
      }
      assertEquals(objects, Pointer.totalCount(), "native objects that Java owns");
      // 5,000 tensors of 16 KB and more would be 80 MB; what the JVM itself takes is far less.
      long grown = Pointer.physicalBytes() - bytes;
      assertTrue(grown < 32 << 20, grown + " bytes more after 500 steps");
    }
  }

  @Test
  void aBackendFreesWhatItMade() {
    provider.open(1).close();
    long objects = Pointer.totalCount();
    for (int i = 0; i < 2; i++) {
      provider.open(1).close();
    }
    assertEquals(objects, Pointer.totalCount());
  }

  @Test
  void theCpuIsAvailableAndNeverPreferred() {
    BackendProbe.Available cpu =
        assertInstanceOf(BackendProbe.Available.class, provider.probe(Device.CPU));
    assertEquals("CPU", cpu.device());
    assertTrue(cpu.library().matches("libtorch \\d+\\.\\d+\\.\\d+"), cpu.library());
    assertTrue(provider.preference() < 0, "the vector backend has 0");
  }

  @Test
  void aGpuThatIsNotThereIsRefusedInOneLine() {
    String reason =
        assertInstanceOf(BackendProbe.Unavailable.class, provider.probe(Device.parse("cuda:99")))
            .reason();
    assertTrue(reason.contains("cuda:99") || reason.contains("no GPU"), reason);
    assertEquals(1, reason.lines().count(), reason);
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> provider.open(1, Device.parse("cuda:99")));
    assertEquals(reason, refused.getMessage());
  }

  @Test
  void opensWithAtLeastOneThread() {
    assertThrows(IllegalArgumentException.class, () -> provider.open(0));
  }

  @Test
  void whatLibtorchRefusesIsSaidInItsWords() {
    try (Backend _ = provider.open(1);
        TorchCall.Wrapping wrapping =
            new TorchCall.Wrapping(new org.bytedeco.pytorch.Device("cpu"), new HostResidency());
        var scripts = LibTorch.load().compile();
        Arena arena = Arena.ofConfined();
        TorchCall call = new TorchCall(wrapping)) {
      Tensor three = Tensors.zeros(arena, DType.F32, 3);
      call.read(three).read(Tensors.zeros(arena, DType.F32, 4)).overwrite(three);
      TorchException refused =
          assertThrows(
              TorchException.class, () -> call.run(new Functions(scripts).get("attention_delta")));
      String message = String.valueOf(refused.getMessage());
      assertTrue(message.contains("size of tensor a (3) must match"), message);
      assertFalse(message.contains("frame #"), message);
    }
  }
}
