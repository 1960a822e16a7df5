package gainsight

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Exchange is what was seen of one call.
type Exchange struct {
	Sent   bool        // a byte of the request may have left this machine
	Status int         // HTTP status, 0 when no header of an answer arrived
	Header http.Header // of the answer
	Body   []byte      // what arrived of it
	Err    error       // of the transport, redacted; nil when the answer arrived whole
	Read   bool        // the call changes nothing, and its answer need not carry a Gsid
}

// Codes of the gateway and the API that mean something to the whole run.
const (
	codeBadKey      = "GS_APIG_2401"
	codeBadAddress  = "GS_APIG_2402"
	codeThrottled   = "GS_APIG_2404"
	codeNoRoute     = "GS_APIG_1000"
	codeTooMany     = "GU_2400"
	codeNotAllowed  = "GSOBJ_1024"
	codeNoData      = "GSOBJ_1011"
	codeCrash       = "GU_1101"
	codeUnexpected  = "VC_1002"
	goalException   = "CSGoalException"
	longestRetry    = 24 * time.Hour
	longestMessage  = 500
	longestIdentity = 100
)

// Judge decides what an answer means. The first that fits wins:
//
//	no answer, nothing sent                                        NotSent
//	401, 403, GS_APIG_2401, GS_APIG_2402, GSOBJ_1024               Fatal
//	a redirect; an HTML page with 2xx; 407                         Fatal
//	404 GS_APIG_1000; 404, 405 and 410 without a code              Fatal
//	429, GS_APIG_2404, GU_2400 at any status                       Throttled
//	2xx, result true, a Gsid (not for reads), empty failureList    Done
//	GU_1101, VC_1002: the server broke off                         InDoubt
//	exception …CSGoalException, a code 80xx, a failureList         Rejected
//	400, 422 with an error in JSON; 2xx, other 4xx: result false
//	and a code; 413, 414, 415, 431                                 Rejected
//	all else                                                       InDoubt
//
// For a read InDoubt means that it may be repeated. A whole JSON object counts
// as a whole answer, even where the connection was cut behind it.
func Judge(x Exchange) Answer {
	a := Answer{HTTPStatus: x.Status, Err: x.Err}
	if x.Status == 0 {
		a.Verdict = InDoubt
		if !x.Sent {
			a.Verdict = NotSent
		}
		return a
	}
	env := readEnvelope(x.Body)
	a.Recorded = recorded(env.changed)
	if a.ServerTime = serverTime(x.Header); a.Recorded.After(a.ServerTime) {
		a.ServerTime = a.Recorded
	}
	a.RequestID = requestID(&env, x.Header)
	a.Code = printable(env.code)
	a.Verdict = verdict(&x, &env, a.Code)
	a.Listed = env.listed
	for i := range a.Listed {
		a.Listed[i].Unsure = env.result == no && !a.Listed[i].Failed
	}
	switch a.Verdict {
	case Done:
		a.Gsid, a.Parents, a.UserID, a.Err = env.gsid, env.parents(), printable(env.user), nil
	case Throttled:
		a.RetryAfter = retryAfter(x.Header)
		a.Message = message(&x, &env, a.RequestID)
	default:
		a.Message = message(&x, &env, a.RequestID)
	}
	return a
}

func verdict(x *Exchange, env *envelope, code string) Verdict {
	success := x.Status >= 200 && x.Status < 300
	switch {
	case refusesKey(x.Status, code), wrongPlace(x, env, code):
		return Fatal
	case Throttles(x.Status, code):
		return Throttled
	case success && x.Read && env.whole && (env.result == yes || env.bare) && !env.failed:
		return Done
	case success && env.whole && env.result == yes && !env.failed && env.gsid != "":
		return Done
	case code == codeCrash, code == codeUnexpected:
		return InDoubt
	case env.whole && rejects(x.Status, env, code):
		return Rejected
	case withoutBody(x.Status):
		return Rejected
	default:
		return InDoubt
	}
}

// Throttles says whether an answer of that status and code refuses a call for
// the quota, before it is carried out.
func Throttles(status int, code string) bool {
	return status == http.StatusTooManyRequests || code == codeThrottled || code == codeTooMany
}

// keyInvalid: the gateway does not know the key; another one may be tried.
func keyInvalid(status int, code string) bool {
	return status == http.StatusUnauthorized || code == codeBadKey
}

// refusesKey: the key, or this machine's address, has no access.
func refusesKey(status int, code string) bool {
	return keyInvalid(status, code) || status == http.StatusForbidden || code == codeBadAddress || code == codeNotAllowed
}

// wrongPlace: something other than the API answered.
func wrongPlace(x *Exchange, env *envelope, code string) bool {
	switch {
	case x.Status >= 300 && x.Status < 400, x.Status == http.StatusProxyAuthRequired:
		return true
	case x.Status >= 200 && x.Status < 300:
		return !env.whole && isHTML(x)
	case x.Status == http.StatusNotFound, x.Status == http.StatusMethodNotAllowed, x.Status == http.StatusGone:
		return code == codeNoRoute || code == "" && !env.goalException()
	default:
		return false
	}
}

// rejects: the API refused this one record.
func rejects(status int, env *envelope, code string) bool {
	switch {
	case env.goalException(), recordCode(code), env.failed:
		return true
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return env.result == no || env.exception != "" || code != ""
	case status == http.StatusRequestTimeout:
		return false
	case status >= 200 && status < 300, status >= 400 && status < 500:
		return env.result == no && code != ""
	default:
		return false
	}
}

// withoutBody: refused by its size or form before anything read it, by whatever stands in front of the API.
func withoutBody(status int) bool {
	switch status {
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnsupportedMediaType, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// recordCode matches (^|_)80\d\d$: 8010, VC_8026.
func recordCode(code string) bool {
	n := len(code) - 4
	if n < 0 || code[n] != '8' || code[n+1] != '0' || n > 0 && code[n-1] != '_' {
		return false
	}
	return isDigit(code[n+2]) && isDigit(code[n+3])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHTML(x *Exchange) bool {
	body := bytes.TrimLeft(x.Body, "\ufeff \t\r\n")
	if len(body) == 0 {
		return false
	}
	return body[0] == '<' || strings.HasPrefix(strings.ToLower(x.Header.Get("Content-Type")), "text/html") && body[0] != '{'
}

// serverTime is that of the Date header.
func serverTime(h http.Header) time.Time {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// recorded is the time of a date of a record, in epoch milliseconds.
func recorded(changed int64) time.Time {
	if changed <= 0 || changed >= 1<<52 {
		return time.Time{}
	}
	return time.UnixMilli(changed).UTC()
}

// retryAfter reads Retry-After, in seconds or as a date, which is compared
// with the server's own clock. 0: absent or of no use.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, longestRetry.Seconds()) * float64(time.Second))
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := serverTime(h)
	if now.IsZero() {
		now = time.Now()
	}
	return min(max(until.Sub(now), 0), longestRetry)
}

func requestID(env *envelope, h http.Header) string {
	id := env.requestID
	if id == "" {
		id = h.Get("X-Gs-Request-Id")
	}
	if id == "" {
		id = h.Get("X-Request-Id")
	}
	return printable(id)
}
