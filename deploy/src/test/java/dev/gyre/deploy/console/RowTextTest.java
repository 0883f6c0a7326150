package dev.gyre.deploy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.trainer.data.InspectedRow;
import dev.gyre.trainer.data.InspectedRow.Piece;
import dev.gyre.trainer.data.RowShape;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RowTextTest {
  private static List<String> lines(int chars, Piece piece) {
    RowShape shape =
        new RowShape(
            RowShape.Part.TRAIN, 0, 0, 3, new Documents(piece.tokens()), piece.tokens() - 1);
    return new RowText(chars).lines(0, new InspectedRow(shape, List.of(piece)));
  }

  @Test
  void longTextIsShownFromBothEnds() {
    List<String> lines = lines(4, new Piece("s", "n", 0, 10, 10, "abcdefghij"));
    assertEquals(List.of("  | ab", "  : (6 characters not shown)", "  | ij"), lines.subList(3, 6));
  }

  @Test
  void textCannotSteerTheTerminal() {
    List<String> lines = lines(-1, new Piece("s", "n\u001b[1m", 0, 9, 9, "a\u001b[2Jb\tc\rd\ne"));
    for (String line : lines) {
      assertTrue(line.chars().noneMatch(Character::isISOControl), line);
    }
    assertTrue(lines.contains("  | e"), lines::toString);
  }
}
