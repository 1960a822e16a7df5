package gainsight

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Sizes of the buffers for the answers to writes, from which Judge copies.
const (
	newBuffer  = 4 << 10
	keepBuffer = 64 << 10 // a larger one is left to the collector
)

// body is the body of a write.
func (w *Write) body() []byte {
	if w.Action == "delete" {
		return joined(`{"recordIds":[`, w.Items, `]}`)
	}
	if len(w.Items) == 1 {
		return requestBody(w.Items[0], w.Lookups)
	}
	items := joined("", w.Items, "")
	return requestBody(items, w.Lookups)
}

// joined are items with commas between them.
func joined(start string, items [][]byte, end string) []byte {
	body := []byte(start)
	for i, item := range items {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, item...)
	}
	return append(body, end...)
}

// requestBody is {"requests":[ITEMS],"lookups":LOOKUPS}, without lookups where
// they are nil. It is a copy: net/http may go on reading a body after a call
// that failed, when the caller has its bytes back.
func requestBody(item, lookups []byte) []byte {
	const start, middle, end = `{"requests":[`, `],"lookups":`, `}`
	body := make([]byte, 0, len(start)+len(item)+len(middle)+len(lookups)+len(end))
	body = append(append(body, start...), item...)
	if lookups == nil {
		return append(body, `]}`...)
	}
	body = append(append(body, middle...), lookups...)
	return append(body, end...)
}

// call makes one call and judges it. body must not change any more. page is nil for a write; for a read the
// body is left in it. Quota and throttling are dealt with here, repetition is
// not, but for a 401 that a renewed key may answer.
func (c *Client) call(ctx context.Context, e *endpoint, slot *Slot, body []byte, page *[]byte) Answer {
	cred, err := c.keys.get(ctx)
	if err != nil {
		slot.Done()
		return c.keyless(ctx, err)
	}
	ans := c.once(ctx, e, slot, body, page, cred)
	if !keyInvalid(ans.HTTPStatus, ans.Code) {
		return ans
	}
	renewed, err := c.keys.renew(ctx, cred)
	if err != nil {
		ans.Err = c.redact(err)
	}
	if renewed == nil {
		return ans
	}
	return c.once(ctx, e, nil, body, page, renewed)
}

// keyless is the answer to a call that was not made for want of a key.
func (c *Client) keyless(ctx context.Context, err error) Answer {
	verdict := Fatal
	if ctx.Err() != nil {
		verdict = NotSent
	}
	return Answer{Verdict: verdict, Err: c.redact(err)}
}

// once sends the request under a slot that is still good and tells the gate what came of it.
func (c *Client) once(ctx context.Context, e *endpoint, slot *Slot, body []byte, page *[]byte, cred *credential) Answer {
	slot, err := c.gate.fresh(ctx, slot, page != nil)
	if err != nil {
		return Answer{Verdict: NotSent, Err: c.redact(err)}
	}
	sent := time.Now()
	seen, buf := c.exchange(ctx, e, slot, body, page, cred)
	slot.Done()
	ans := Judge(seen)
	c.saw(ans.ServerTime)
	if ans.Verdict != NotSent {
		e.made.Add(1)
	}
	if buf != nil && cap(*buf) <= keepBuffer {
		c.buffers.Put(buf)
	}
	if ans.Verdict != Done {
		ans.Message = c.keys.scrub(ans.Message)
		ans.Code = c.keys.scrub(ans.Code)
		ans.RequestID = c.keys.scrub(ans.RequestID)
		for i := range ans.Listed {
			ans.Listed[i].Code, ans.Listed[i].Message = c.keys.scrub(ans.Listed[i].Code), c.keys.scrub(ans.Listed[i].Message)
		}
	}
	if ans.Verdict == Throttled {
		c.gate.throttled(ctx, sent, ans.RetryAfter)
	} else if ans.HTTPStatus != 0 {
		c.gate.answered(sent)
	}
	return ans
}

// exchange makes the round trip and reads the answer. The returned buffer
// backs the body of a write's answer and is nil for a read.
func (c *Client) exchange(ctx context.Context, e *endpoint, slot *Slot, body []byte, page *[]byte, cred *credential) (Exchange, *[]byte) {
	header := cred.write
	if page != nil {
		header = cred.read
	}
	var t trail
	limited, cancel := context.WithTimeout(t.follow(ctx), c.timeout)
	defer cancel()
	// GetBody stays nil: with it net/http would send a request a second time. A
	// bytes.Reader leaves in one write with the headers; other readers in two.
	req := (&http.Request{
		Method: e.method, URL: e.url, Host: e.url.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(limited)
	// RoundTrip, unlike http.Client, follows no redirect.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Exchange{Sent: t.left(), Read: page != nil, Err: c.worded(ctx, err)}, nil
	}
	slot.Done()
	defer func() { _ = resp.Body.Close() }()
	seen := Exchange{Sent: true, Read: page != nil, Status: resp.StatusCode, Header: resp.Header}
	buf := page
	if page == nil {
		buf = c.buffer()
	}
	*buf, err = c.readAnswer(resp, (*buf)[:0])
	seen.Body, seen.Err = *buf, c.worded(ctx, err)
	if page != nil {
		return seen, nil
	}
	return seen, buf
}

func (c *Client) buffer() *[]byte {
	if buf, ok := c.buffers.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, 0, newBuffer)
	return &buf
}

// readAnswer appends the whole body to dst, up to the limit.
func (c *Client) readAnswer(resp *http.Response, dst []byte) ([]byte, error) {
	var src io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" { // sent unasked: net/http undoes what it asked for
		zip, err := gzip.NewReader(resp.Body)
		if err != nil {
			return dst, fmt.Errorf("compressed answer: %w", err)
		}
		src = zip
	}
	if n := resp.ContentLength; n > int64(cap(dst)) && n <= c.maxBody {
		dst = make([]byte, 0, n+1)
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := src.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if int64(len(dst)) > c.maxBody {
			return dst[:0], fmt.Errorf("answer of more than %d bytes: refused; ask for smaller pages", c.maxBody)
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// worded turns a transport's error into one that is safe to show. ctx is the
// caller's, so that its end is told from the call's own timeout.
func (c *Client) worded(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s: %w", c.timeout, context.DeadlineExceeded)
	}
	return c.redact(err)
}

// redacted is an error without the key and without the passwords of URLs. What
// it wraps stays reachable only where its text is known to be harmless.
type redacted struct {
	text string
	is   error
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.is }

func (c *Client) redact(err error) error {
	safe := &redacted{text: oneLine(c.keys.scrub(err.Error()))}
	var day *DayUsedError
	switch {
	case errors.As(err, &day):
		safe.is = day
	case errors.Is(err, context.DeadlineExceeded):
		safe.is = context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		safe.is = context.Canceled
	}
	return safe
}
