package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
)

// amendment finds, for the rows of a file, the goals that an earlier run of the
// file created. A row is the one that its columns _run and _line name, where it
// comes from a report of that run; else one of the same cells; else, in a file
// of the same columns and as many rows, the one of the same line.
type amendment struct {
	run           *checkpoint.Run
	runAt, lineAt int // indexes of these columns, -1 none
	byLine        rowIndex
	byCells       rowIndex
	inPlace       bool // rows are matched by their lines
}

// amend makes rows that cfg.Amend created updates of their goals.
func (p *Planned) amend(ctx context.Context, cfg *PlanConfig) error {
	header := cfg.Source.Table.Header()
	a := &amendment{run: cfg.Amend, runAt: slices.Index(header, "_run"), lineAt: slices.Index(header, "_line")}
	var cells []string
	for line, err := range a.run.Lines(ctx) {
		if err != nil {
			return err
		}
		cells = cells[:0]
		for _, c := range line.Cells {
			cells = append(cells, c.Text)
		}
		a.byLine.add(lineHash(line.Line), line.Seq)
		a.byCells.add(cellsHash(cells), line.Seq)
	}
	a.byLine.sort()
	a.byCells.sort()
	if slices.Equal(header, a.run.Info().Header) {
		rows := int64(0)
		if err := cfg.Source.each(ctx, func(seq int64, _ *readers.Row) error { rows = seq; return nil }); err != nil {
			return err
		}
		a.inPlace = rows == a.run.Info().Input.Rows
	}
	cfg.Source.matched = func(_ int64, row *readers.Row) (string, *validate.Problem, error) { return a.find(ctx, row) }
	return nil
}

func cellsHash(cells []string) uint64 {
	h := sha256.New()
	for _, text := range cells {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// find is the goal that the run created for the row, "" for none.
func (a *amendment) find(ctx context.Context, row *readers.Row) (string, *validate.Problem, error) {
	seqs := a.rowOf(row)
	if len(seqs) == 0 {
		return "", nil, nil
	}
	changes, err := a.run.ChangesOf(ctx, seqs)
	if err != nil || len(changes) == 0 {
		return "", nil, err
	}
	if len(changes) > 1 {
		return "", &validate.Problem{Code: "ambiguous-row", Message: fmt.Sprintf("run %s has this row %d times, so that its goal cannot be told", a.run.Info().ID, len(changes)),
			Mend: "amend with results.csv of that run, whose rows are told by _line"}, nil
	}
	c := &changes[0]
	switch c.Fate.Status {
	case checkpoint.InDoubt, checkpoint.Parked:
		return "", &validate.Problem{Code: "in-doubt-elsewhere", Message: fmt.Sprintf("row %d of run %s may have created the goal: its call is in doubt", c.Line, a.run.Info().ID),
			Mend: "look for the goal in the tenant, and give its Gsid"}, nil
	}
	return c.Fate.Gsid, nil, nil // none where no goal was created
}

// lineHash spreads the lines; no two have the same.
func lineHash(line int) uint64 { return uint64(line) * 0x9e3779b97f4a7c15 }

// rowOf are the rows of the run that the row may be.
func (a *amendment) rowOf(row *readers.Row) []int64 {
	if a.runAt >= 0 && a.lineAt >= 0 && row.Cells[a.runAt].Text == a.run.Info().ID {
		if line, err := strconv.Atoi(row.Cells[a.lineAt].Text); err == nil {
			return a.byLine.find(nil, lineHash(line))
		}
	}
	var cells []string
	for _, c := range row.Cells {
		cells = append(cells, c.Text)
	}
	same := a.byCells.find(nil, cellsHash(cells))
	here := a.byLine.find(nil, lineHash(row.Line))
	switch {
	case len(same) > 1 && len(here) == 1 && slices.Contains(same, here[0]):
		return here // equal rows: the one at the same place
	case len(same) > 0:
		return same
	case a.inPlace:
		return here
	}
	return nil
}
