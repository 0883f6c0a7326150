package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.linux.CoreAffinity;
import dev.gyre.trainer.worker.CoreShare;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class CoreSharesTest {
  @Test
  void coresAreDealtEvenly() {
    List<Integer> four = List.of(0, 1, 2, 3);
    assertEquals(List.of(List.of(0, 1), List.of(2, 3)), CoreShares.even(2, four, 4, 4).ofRank());
    assertEquals(
        List.of(List.of(0), List.of(1), List.of(2, 3)), CoreShares.even(3, four, 4, 4).ofRank());
    assertEquals(List.of(four), CoreShares.even(1, four, 4, 4).ofRank());
  }

  @Test
  void nobodyIsBoundWhereThatIsNotOursToDo() {
    assertEquals(CoreShares.NONE, CoreShares.even(4, List.of(0, 1), 2, 2), "too few cores");
    assertEquals(CoreShares.NONE, CoreShares.even(2, List.of(4, 5), 8, 2), "an affinity");
    assertEquals(CoreShares.NONE, CoreShares.even(2, List.of(0, 1, 2, 3), 4, 2), "a quota");
    assertEquals(CoreShares.NONE, CoreShares.even(1, List.of(0, 1), 0, 2), "unknown core count");
  }

  /** Uses a new thread, so that the binding ends with the thread. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aShareBindsTheCallingThreadAndThoseItStarts() throws Exception {
    List<Integer> all = affinity();
    int last = all.getLast();
    System.setProperty(CoreShare.PROPERTY, Integer.toString(last));
    try {
      FutureTask<List<Integer>> bound =
          new FutureTask<>(
              () -> {
                assertTrue(CoreShare.take() >= 1);
                FutureTask<List<Integer>> started = new FutureTask<>(CoreSharesTest::affinity);
                Thread.ofPlatform().start(started);
                assertEquals(List.of(last), started.get());
                return affinity();
              });
      Thread.ofPlatform().start(bound);
      assertEquals(List.of(last), bound.get());
    } finally {
      System.clearProperty(CoreShare.PROPERTY);
    }
    assertEquals(all, affinity());
    assertFalse(all.isEmpty());
  }

  private static List<Integer> affinity() {
    return CoreAffinity.find().orElseThrow().cores();
  }
}
