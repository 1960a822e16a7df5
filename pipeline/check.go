package pipeline

import (
	"context"
	"errors"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"gsbatch/readers"
	"gsbatch/validate"
)

// Check reads the source once, checks every row and gathers all problems.
// progress, which may be nil, is told the number of rows read.
func Check(ctx context.Context, src Source, progress func(rows int64)) (Findings, error) {
	return src.checkAll(ctx, progress, func(int64, int, bool, []validate.Problem) {})
}

// checkAll is Check that tells, in order, of each row: its number, its line,
// whether it has an operation, and its problems.
func (s Source) checkAll(ctx context.Context, progress func(int64), tell rowTeller) (Findings, error) {
	if blocks, err := s.blocks(); err != nil || blocks != nil {
		if err != nil {
			return s.begin(), err
		}
		return s.checkBlocks(ctx, blocks, progress, tell)
	}
	return s.walk(ctx, progress, func(seq int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error {
		tell(seq, row.Line, op != nil, problems)
		return nil
	})
}

// rowTeller is told of each row in order.
type rowTeller func(seq int64, line int, planned bool, problems []validate.Problem)

// blocks cuts the table, or returns nil for a source whose rows must be walked
// one after another.
func (s Source) blocks() (*readers.Blocks, error) {
	if s.matched != nil || s.Rows.ranges != nil || newLineage(s.Runs, s.Table) != nil || newDoneRows(&s) != nil {
		return nil, nil
	}
	return s.Table.Blocks()
}

// scouted is a block with what a scout found out about its rows.
type scouted struct {
	*readers.Block
	rows []validate.Scouted
	done chan struct{} // has a token once rows are there
}

// scoutedAhead is how many blocks may be under way for each scout. They bound
// the memory: a quarter of a megabyte each.
const scoutedAhead = 7

// takenAhead is how many rows are made ready to be taken at once: as many as are
// still in the processor's cache when their turn comes.
const takenAhead = 64

// checkBlocks is a walk in which scouts look at blocks side by side. What they
// find clean needs only to be told from the rows before; any other row is
// checked in its turn, so that problems are those of a walk, in its order.
func (s Source) checkBlocks(ctx context.Context, blocks *readers.Blocks, progress func(int64), tell rowTeller) (found Findings, err error) {
	defer func() { err = errors.Join(err, blocks.Close()) }()
	found = s.begin()
	scouts := make([]*validate.Scout, runtime.GOMAXPROCS(0))
	queue := make(chan *scouted, len(scouts)*scoutedAhead)
	inOrder := make(chan *scouted, len(scouts)*scoutedAhead)
	spare := make(chan *scouted, 2*cap(inOrder))
	g, all := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		defer close(inOrder)
		return cutBlocks(all, blocks, queue, inOrder, spare)
	})
	for i := range scouts {
		scouts[i] = s.Checker.Scout()
		g.Go(func() error { return s.scout(all, scouts[i], queue) })
	}
	g.Go(func() error {
		return s.checkScouted(all, blocks, inOrder, spare, &found, progress, tell)
	})
	if err := g.Wait(); err != nil {
		return found, err
	}
	for _, scout := range scouts {
		s.Checker.Join(scout)
	}
	if progress != nil {
		progress(int64(found.Counts.Rows))
	}
	return found, nil
}

// cutBlocks sends each block to the scouts and, in order, to who waits for them.
func cutBlocks(ctx context.Context, blocks *readers.Blocks, queue, inOrder chan<- *scouted, spare <-chan *scouted) error {
	for {
		block, err := blocks.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var b *scouted
		select {
		case b = <-spare:
		default:
			b = &scouted{done: make(chan struct{}, 1)}
		}
		b.Block = block
		for _, to := range []chan<- *scouted{inOrder, queue} {
			select {
			case to <- b:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// scout looks at the rows of blocks until there are no more.
func (s Source) scout(ctx context.Context, scout *validate.Scout, queue <-chan *scouted) error {
	for b := range queue {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.rows = b.rows[:0]
		for row, err := range b.Rows() {
			if err != nil {
				break // Done tells
			}
			s.unguard(&row)
			b.rows = append(b.rows, scout.Look(row))
		}
		b.done <- struct{}{}
	}
	return nil
}

// checkScouted takes the blocks in order and adds their rows to what was found.
func (s Source) checkScouted(ctx context.Context, blocks *readers.Blocks, inOrder <-chan *scouted, spare chan<- *scouted, found *Findings, progress func(int64), tell rowTeller) error {
	for n := 1; ; n++ {
		b, more := <-inOrder
		if !more {
			return nil
		}
		select {
		case <-b.done:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		raised := blocks.Settle(b.Block)
		if n := s.take(b, raised, found, tell); n < len(b.rows) {
			if err := s.checkRest(ctx, b, n, found, tell); err != nil {
				return err
			}
		}
		if err := blocks.Done(b.Block); err != nil {
			return err
		}
		if n >= 16 && n&(n-1) == 0 {
			s.expect(blocks.Share(), found.Counts.Rows)
		}
		if progress != nil {
			progress(int64(found.Counts.Rows))
		}
		select {
		case spare <- b:
		default:
		}
	}
}

// expect guesses the number of rows by how many a part of the table has, again
// and again, lest a table that begins otherwise than it goes on take much memory.
func (s Source) expect(share float64, rows int) {
	if share > 0 {
		s.Checker.Expect(min(int(float64(rows)/share), 4*rows))
	}
}

// take adds the first rows of a block, as far as there is nothing to tell of
// them, and returns how many these are. Their lines are to be raised.
func (s Source) take(b *scouted, raised int, found *Findings, tell rowTeller) int {
	for i := range b.rows {
		if i%takenAhead == 0 {
			s.Checker.Ahead(b.rows[i:min(i+takenAhead, len(b.rows))])
		}
		row := &b.rows[i]
		line := int(row.Line) + raised
		if !row.Clean || !s.Checker.Take(row, line) {
			return i
		}
		found.addClean(row.Action)
		tell(int64(found.Counts.Rows), line, true, nil)
	}
	return len(b.rows)
}

// checkRest reads a block again for its rows from n on. That one has something
// to be told, and was not taken.
func (s Source) checkRest(ctx context.Context, b *scouted, n int, found *Findings, tell rowTeller) error {
	var op validate.Operation
	i := -1
	for row, err := range b.Rows() {
		if err != nil {
			break // Done tells
		}
		if i++; i < n {
			continue
		}
		if i > n && b.rows[i].Clean && s.Checker.Take(&b.rows[i], row.Line) {
			found.addClean(b.rows[i].Action)
			tell(int64(found.Counts.Rows), row.Line, true, nil)
			continue
		}
		s.unguard(&row)
		problems, err := s.check(ctx, int64(found.Counts.Rows+1), row, &op)
		if err != nil {
			return err
		}
		found.Counts.Rows++
		planned := found.add(&op, problems)
		tell(int64(found.Counts.Rows), row.Line, planned != nil, problems)
	}
	return nil
}

// addClean enters a row with nothing to be told of into the accounts.
func (f *Findings) addClean(action validate.Action) {
	f.Counts.Rows++
	f.count(action)
}
