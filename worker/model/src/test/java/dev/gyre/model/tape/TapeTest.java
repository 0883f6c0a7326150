package dev.gyre.model.tape;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TapeTest {
  /** Addresses only: nothing here touches memory. */
  private final Workspace workspace = new Workspace(1 << 20, 1 << 20);

  private Tape tape = opened(true);
  private final List<String> log = new ArrayList<>();

  private Tape opened(boolean training) {
    return new Tape(new ScalarBackendProvider().open(1), workspace, null, training);
  }

  private final class Saving implements Segment {
    private final String name;

    Saving(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void forward() {
      log.add(name + (tape.replaying() ? " again" : ""));
      workspace.save(DType.F32, 100);
      workspace.scratch(DType.F32, 100);
      tape.record(() -> log.add(name + " back"));
      tape.record(
          () -> {
            workspace.scratch(DType.F32, 1000);
            log.add(name + " last back");
          });
    }

    @Override
    public Tensor input() {
      return workspace.saved(0, 0);
    }

    @Override
    public void backwardEnded() {
      log.add(name + " ended");
    }
  }

  @Test
  void runsInReverseAndGivesMemoryBack() {
    tape = opened(true);
    tape.record(() -> log.add("start back"));
    long before = workspace.savedMark();
    tape.segment(new Saving("a"), Checkpointing.NONE);
    long afterOne = workspace.savedMark();
    tape.segment(new Saving("b"), Checkpointing.NONE);
    assertEquals(2 * (afterOne - before), workspace.savedMark() - before);
    assertEquals(workspace.sizeBytes(), workspace.scratchMark());
    tape.backward();
    assertEquals(
        List.of(
            "a",
            "b",
            "b last back",
            "b back",
            "b ended",
            "a last back",
            "a back",
            "a ended",
            "start back"),
        log);
    assertEquals(before, workspace.savedMark());
    assertEquals(workspace.sizeBytes(), workspace.scratchMark());
    tape.end();
  }

  @Test
  void fullCheckpointingKeepsNothingAndRunsAgain() {
    tape = opened(true);
    tape.segment(new Saving("a"), Checkpointing.ALL);
    Tensor output = workspace.save(DType.F32, 10);
    tape.segment(new Saving("b"), Checkpointing.ALL);
    assertEquals(64, workspace.savedMark(), output.toString());
    tape.backward();
    assertEquals(
        List.of(
            "a",
            "b",
            "b again",
            "b last back",
            "b back",
            "b ended",
            "a again",
            "a last back",
            "a back",
            "a ended"),
        log);
    assertEquals(0, workspace.savedMark());
    tape.end();
  }

  @Test
  void aForwardOnlyPassKeepsNothing() {
    tape = opened(false);
    assertFalse(tape.training());
    tape.segment(new Saving("a"), Checkpointing.NONE);
    assertEquals(0, workspace.savedMark());
    assertThrows(IllegalStateException.class, tape::backward);
    tape.end();
  }

  @Test
  void misuseIsRefused() {
    tape.record(() -> tape.record(() -> {}));
    tape.backward();
    assertThrows(IllegalStateException.class, tape::backward);
    tape.end();
    assertThrows(IllegalStateException.class, () -> tape.record(() -> {}));
    assertThrows(
        IllegalStateException.class, () -> tape.segment(new Saving("a"), Checkpointing.NONE));

    tape = opened(true);
    Segment outer =
        new Segment() {
          @Override
          public String name() {
            return "outer";
          }

          @Override
          public Tensor input() {
            return workspace.saved(0, 0);
          }

          @Override
          public void forward() {
            tape.segment(new Saving("inner"), Checkpointing.NONE);
          }
        };
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> tape.segment(outer, Checkpointing.NONE));
    assertTrue(e.toString().contains("inner"), e.toString());
    workspace.save(DType.F32, 1);
    workspace.scratch(DType.F32, 1);
    tape.end();
    assertEquals(0, workspace.savedMark());
    assertEquals(workspace.sizeBytes(), workspace.scratchMark());
  }

  @Test
  void aMissingGradientNamesItsVariable() {
    Variable v = new Variable("q of layer 3", new Tensor(64, DType.F32, 2, 3), DType.F32);
    IllegalStateException e = assertThrows(IllegalStateException.class, v::gradient);
    assertTrue(e.toString().contains("q of layer 3 F32[2, 3]"), e.toString());
  }

  @Test
  void aSumHandsItsGradientOn() {
    Variable x = new Variable("x", new Tensor(64, DType.F32, 4), DType.F32);
    Variable sum = new Variable("sum", new Tensor(128, DType.F32, 4), DType.F32);
    assertThrows(IllegalStateException.class, () -> x.takeGradientOf(sum));
    Tensor g = sum.gradientOrNew(workspace);
    x.takeGradientOf(sum);
    assertSame(g, x.gradient());
    assertThrows(IllegalStateException.class, sum::gradient);
    sum.gradientOrNew(workspace);
    assertThrows(IllegalStateException.class, () -> x.takeGradientOf(sum));
  }
}
