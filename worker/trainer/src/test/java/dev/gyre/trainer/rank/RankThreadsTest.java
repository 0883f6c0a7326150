package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class RankThreadsTest {
  @Test
  void resultsInRankOrder() {
    try (LocalNetwork network = LocalNetwork.loopback(3, Options.plain())) {
      assertEquals(List.of(0, 10, 20), RankThreads.run(3, network, t -> t.rank() * 10));
    }
  }

  /**
   * The failure of the rank that failed is reported, not of those that waited for it, which end
   * soon.
   */
  @Test
  @Timeout(value = 10, unit = TimeUnit.SECONDS)
  void theFirstFailureEndsAll() {
    int[] everyone = {0, 1, 2};
    try (LocalNetwork network = LocalNetwork.loopback(3, Options.plain())) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () ->
                  RankThreads.run(
                      3,
                      network,
                      t -> {
                        if (t.rank() == 1) {
                          throw new IllegalStateException("rank 1 has no data");
                        }
                        new ProcessGroup(t, everyone, Channel.CONTROL).sum(new double[1]);
                        return true;
                      }));
      assertEquals("rank 1 has no data", e.getMessage());
      assertEquals(2, e.getSuppressed().length);
    }
  }
}
