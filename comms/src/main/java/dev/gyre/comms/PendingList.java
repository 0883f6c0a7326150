package dev.gyre.comms;

import java.util.ArrayList;

/** Transfers that are awaited together. */
final class PendingList {
  private final ArrayList<Pending> transfers = new ArrayList<>();

  void add(Pending transfer) {
    transfers.add(transfer);
  }

  /** Progresses transfers without waiting; true once all are complete. */
  boolean poll() {
    for (int i = 0; i < transfers.size(); i++) {
      if (!transfers.get(i).poll()) {
        return false;
      }
    }
    return true;
  }

  /** Waits for all in the order they were added, then clears the list. */
  void await() {
    try {
      for (int i = 0; i < transfers.size(); i++) {
        transfers.get(i).await();
      }
    } finally {
      transfers.clear();
    }
  }
}
