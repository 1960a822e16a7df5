package gainsight

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Reads are tried a few times: they change nothing.
const (
	readTries      = 4
	readBackoff    = 500 * time.Millisecond // doubled each time, with a quarter of jitter
	throttledTries = 100                    // a backstop: the gate ends a row of throttled windows
)

// read makes one read, with its own slot, and repeats it while it is throttled
// or fails in passing. It returns the body of an answer that is Done, and else
// *DayUsedError, an error that wraps ctx's, or an *Error.
func (c *Client) read(ctx context.Context, e *endpoint, body []byte) ([]byte, Answer, error) {
	throttled := 0
	for try := 1; ; {
		var page []byte
		ans, err := c.readOnce(ctx, e, body, &page)
		if err != nil {
			return nil, ans, err
		}
		switch {
		case ans.Verdict == Done:
			return page, ans, nil
		case ans.Verdict == Throttled && throttled < throttledTries:
			throttled++
			continue // the gate waits
		case ans.Verdict != InDoubt && ans.Verdict != NotSent, ans.noData(), try == readTries:
			return nil, ans, ans.Failure(e.op)
		}
		pause := readBackoff << (try - 1)
		pause += time.Duration(rand.Int64N(int64(pause) / 4))
		if err := sleep(ctx, pause); err != nil {
			return nil, ans, errors.Join(ans.Failure(e.op), err)
		}
		try++
	}
}

func (c *Client) readOnce(ctx context.Context, e *endpoint, body []byte, page *[]byte) (Answer, error) {
	slot, err := c.gate.Acquire(ctx)
	if err != nil {
		return Answer{Verdict: NotSent, Err: err}, fmt.Errorf("%s: %w", e.op, err)
	}
	ans := c.call(ctx, e, slot, body, page)
	var used *DayUsedError
	if errors.As(ans.Err, &used) {
		return ans, fmt.Errorf("%s: %w", e.op, used)
	}
	if ctx.Err() != nil && ans.Verdict != Done {
		return ans, fmt.Errorf("%s: %w", e.op, context.Cause(ctx))
	}
	return ans, nil
}
