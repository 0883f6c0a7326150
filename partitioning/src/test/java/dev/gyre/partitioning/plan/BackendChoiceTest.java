package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BackendChoiceTest {
  private static final WorkerCapabilities.Backend ABSENT =
      new WorkerCapabilities.Backend("torch", "no such library", List.of(), List.of(), "");
  private static final WorkerCapabilities.Backend STORES_BF16 =
      new WorkerCapabilities.Backend("stores", "", List.of("bf16", "f32"), List.of("f32"), "");
  private static final WorkerCapabilities.Backend ONLY_BF16 =
      new WorkerCapabilities.Backend("half", "", List.of("bf16"), List.of(), "");

  private static String choose(String wanted, String dtype, WorkerCapabilities.Backend... offers) {
    BackendChoice choice = BackendChoice.choose(wanted, dtype, List.of(offers));
    return choice.name() + " " + choice.dtype();
  }

  private static String refused(String wanted, String dtype, WorkerCapabilities.Backend... offers) {
    Invalid refused = assertThrows(Invalid.class, () -> choose(wanted, dtype, offers));
    return refused.key() + " | " + refused.problem();
  }

  @Test
  void autoIsTheFirstAvailableOneThatComputesTheDtype() {
    assertEquals("onednn bf16", choose("auto", "auto", ABSENT, Jobs.ONEDNN, Jobs.VECTOR));
    assertEquals("vector f32", choose("auto", "auto", ABSENT, Jobs.VECTOR, Jobs.ONEDNN));
    assertEquals("onednn bf16", choose("auto", "bf16", Jobs.VECTOR, Jobs.ONEDNN));
    assertEquals("onednn f32", choose("auto", "f32", ABSENT, Jobs.ONEDNN, Jobs.VECTOR));
  }

  @Test
  void dtypeAutoIsBf16OnlyWhereItIsNative() {
    assertEquals("stores f32", choose("auto", "auto", STORES_BF16));
    assertEquals("stores bf16", choose("auto", "bf16", STORES_BF16));
    // Its bf16 is not native, and it computes nothing else: auto takes the next backend.
    assertEquals("vector f32", choose("auto", "auto", ONLY_BF16, Jobs.VECTOR));
  }

  @Test
  void anExplicitBackendIsThatOneOrAnError() {
    assertEquals("vector f32", choose("vector", "auto", Jobs.ONEDNN, Jobs.VECTOR));
    assertEquals(
        "backend | 'torch' cannot be used here: no such library. Use auto or onednn.",
        refused("torch", "auto", ABSENT, Jobs.ONEDNN));
    assertEquals(
        "train.dtype | 'f32' is not among what backend half computes (bf16). Use auto, or another"
            + " backend.",
        refused("half", "auto", ONLY_BF16, Jobs.VECTOR));
    assertEquals(
        "backend | 'cuda' is not known. Available: vector (f32); not available: torch: no such"
            + " library",
        refused("cuda", "auto", ABSENT, Jobs.VECTOR));
  }
}
