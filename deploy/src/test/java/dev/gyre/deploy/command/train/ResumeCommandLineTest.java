package dev.gyre.deploy.command.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResumeCommandLineTest {
  @Test
  void keepsWhatShapedTheJobAndNamesTheRun() {
    assertEquals(
        "./gyre train job.yaml --set train.steps=400 --resume --run big-2",
        ResumeCommandLine.resume(
            List.of("train", "job.yaml", "--set", "train.steps=400"), "big-2"));
    assertEquals(
        "./gyre train --set 'dataset.train=[{path: a b}]' --resume --run a",
        ResumeCommandLine.resume(
            List.of("train", "--resume", "--run", "x", "--set", "dataset.train=[{path: a b}]"),
            "a"));
  }

  @Test
  void moreStepsTakeThePlaceOfThoseGiven() {
    assertEquals(
        "./gyre train job.yaml --name exp --resume --run exp-2 --set train.steps=40",
        ResumeCommandLine.longer(
            List.of("train", "job.yaml", "--set", "train.steps=20", "--resume", "--name", "exp"),
            "exp-2",
            40));
    assertEquals(
        "./gyre train --set train.seed=3 --resume --run '/tmp/my runs/a' --set train.steps=40",
        ResumeCommandLine.longer(
            List.of("train", "--set=train.steps=20", "--set", "train.seed=3", "--run=b"),
            "/tmp/my runs/a",
            40));
  }

  @Test
  void samplesCannotMoveTheCursor() {
    assertEquals("a\\nb\\t\u00b7[2J", SampleText.visible("a\nb\t\u001b[2J"));
  }
}
