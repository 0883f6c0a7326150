package dev.gyre.trainer.data;

import java.io.IOException;
import java.nio.file.Path;

/** A process that takes a lock, prints that it did, and holds it until its input ends. */
final class LockHolder {
  private LockHolder() {}

  public static void main(String[] arguments) throws IOException {
    FileTurn.Result result = FileTurn.attempt(Path.of(arguments[0]), "process 4711 of anna");
    System.out.println(result.turn() == null ? "not held" : "held");
    System.in.read();
  }
}
