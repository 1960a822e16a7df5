package emulator

import (
	"net/http"
	"time"
)

// withFault answers an admitted call, in the way its fault orders.
func (t *Tenant) withFault(w http.ResponseWriter, r *http.Request, c *call) {
	switch c.fault {
	case noFault, withoutGsid, repeatedPage:
		t.write(w, c, t.perform(c))
	case insertedPage, deletedPage:
		t.disturb(c)
		t.write(w, c, t.perform(c))
	case failureList:
		t.write(w, c, answer{status: http.StatusOK, body: c.failedList()})
	case slowAnswer:
		a := t.perform(c)
		t.sleep(c.sw.slowDelay())
		t.write(w, c, a)
	case stalledCommit:
		t.sleep(c.sw.slowDelay())
		c.at = t.now().Add(c.sw.Skew)
		t.write(w, c, t.perform(c))
	case lateCommit:
		t.performLater(c)
		t.drop(r, c)
	case cutBody:
		t.writeHalf(w, c, t.perform(c))
	case dropBefore:
		t.drop(r, c)
	case dropAfter:
		t.perform(c)
		t.drop(r, c)
	default:
		t.write(w, c, t.misanswered(c))
	}
}

// misanswered returns the answer of a fault that keeps the connection; where
// it stands after the commit, the call is carried out first.
func (t *Tenant) misanswered(c *call) answer {
	switch c.fault {
	case error500After, error502After, error503After:
		t.perform(c)
	}
	switch c.fault {
	case error500Before, error500After:
		if c.endpoint.metrics() {
			return c.failure(http.StatusInternalServerError, "VC_1002", "Unexpected error processing the metric: {}", "")
		}
		return c.gateway(http.StatusInternalServerError, "GU_1101", "Unexpected error")
	case error502Before, error502After:
		return htmlError(http.StatusBadGateway)
	case error503Before, error503After:
		return htmlError(http.StatusServiceUnavailable)
	case spuriousThrottle:
		return c.throttled(1)
	case keyRefused:
		return c.unauthorized()
	}
	return htmlError(http.StatusOK)
}

// performLater carries the call out after the late delay, or when the tenant
// is closed, whichever comes first.
func (t *Tenant) performLater(c *call) {
	t.late.Add(1)
	t.pending.Add(1)
	go func() {
		defer t.late.Done()
		defer t.pending.Add(-1)
		t.sleep(c.sw.lateDelay())
		c.at = t.now().Add(c.sw.Skew)
		t.perform(c)
	}()
}

// writeHalf sends the head and the first half of an answer.
func (t *Tenant) writeHalf(w http.ResponseWriter, c *call, a answer) {
	t.gate.done(c.ordinal, a.status, c.fault)
	t.header(w, c, a)
	_, _ = w.Write(a.body[:len(a.body)/2])
	// Flushed, so that the caller sees a begun answer and not a dropped one.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// failedList is the answer that reports every record of the call as failed.
func (c *call) failedList() []byte {
	dst := beginOK(nil, c.requestID)
	if c.endpoint == goalCreate || c.endpoint == goalUpdate {
		dst = append(dst, `{"goal":null,"failureList":[`...)
	} else {
		dst = append(dst, `{"successList":[],"failureList":[`...)
	}
	why := refuse(invalidRequest, "The record could not be saved")
	for item := range elements(member(c.body, "requests")) {
		dst = appendFailed(dst, member(item, "record"), why, c.sw)
	}
	for id := range elements(member(c.body, "recordIds")) {
		dst = appendFailed(dst, id, why, c.sw)
	}
	return endOK(append(dst, ']', '}'))
}

// appendFailed appends an element of failureList: the record (or the Gsid) as
// it was sent, with what is wrong. The page shows only empty lists.
func appendFailed(dst, record []byte, why *refusal, sw *Switches) []byte {
	if record == nil {
		record = []byte("null")
	}
	dst = appendComma(dst)
	dst = append(dst, `{"record":`...)
	dst = append(dst, record...)
	dst = append(dst, `,"errorCode":`...)
	dst = appendText(dst, why.codeText(sw))
	dst = append(dst, `,"errorMessage":`...)
	return append(appendText(dst, why.text), '}')
}

func (s *Switches) slowDelay() time.Duration {
	if s.SlowDelay == 0 {
		return 35 * time.Second
	}
	return s.SlowDelay
}

func (s *Switches) lateDelay() time.Duration {
	if s.LateDelay == 0 {
		return 5 * time.Second
	}
	return s.LateDelay
}
