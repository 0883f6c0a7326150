package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class StartAgainExceptionTest {
  private static Distribution with(String... parts) {
    return new Distribution(Path.of("/dist"), Path.of("/gyre"), List.of(parts));
  }

  private static void startsAgain(String line, Executable check) {
    StartAgainException e = assertThrows(StartAgainException.class, check);
    assertEquals(line, String.join(" ", e.line(List.of("plan", "a b.yaml"))));
  }

  @Test
  void aMissingPartIsAddedToThoseThatAreThere() {
    StartAgainException.require(with("bench"), "bench");
    startsAgain(
        "/bin/sh /gyre --with bench --with torch plan a b.yaml",
        () -> StartAgainException.require(with("bench"), "torch"));
  }

  @Test
  void onlyOneBuildOfLibtorchIsLoaded() {
    StartAgainException.require(with("gpu"), "torch");
    startsAgain(
        "/bin/sh /gyre --with gpu plan a b.yaml",
        () -> StartAgainException.require(with("torch"), "gpu"));
  }

  @Test
  void kernelsAreMeasuredWithTheCompilerOfTraining() {
    StartAgainException.requireC2(with(), "mixed mode, sharing");
    startsAgain(
        "/usr/bin/env GYRE_COMPILER=c2 /bin/sh /gyre --with torch plan a b.yaml",
        () -> StartAgainException.requireC2(with("torch"), "mixed mode, emulated-client, sharing"));
  }
}
