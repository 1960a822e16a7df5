package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The numbers of refusals. 8001, 8002, 8007–8010 and 8026 stand on the page;
// 8003–8005 are missing from its table and used here for what it leaves unnamed.
const (
	ctaRecordEmpty      = 8001
	spRecordEmpty       = 8002
	invalidRequest      = 8003
	invalidGsid         = 8004
	invalidValue        = 8005
	invalidPageRequest  = 8007
	invalidLookupConfig = 8008
	invalidField        = 8009
	invalidStatusName   = 8010
	metricInUse         = 8026
)

// refusal is why a call was not carried out.
type refusal struct {
	code int    // one of the numbers above; 0: the tenant itself is at fault
	text string // for people
	info string // JSON of errorInfo, "" for null
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// crashed is the refusal of a tenant that cannot commit.
func crashed(err error) *refusal { return &refusal{text: err.Error()} }

// exception says whether the page's samples show this kind of refusal as an
// exception with status 500; the others come in an envelope with status 400.
func (r *refusal) exception() bool {
	switch r.code {
	case invalidRequest, invalidGsid, invalidValue, invalidField, invalidStatusName:
		return true
	}
	return false
}

// codeText is the errorCode of the refusal in the style of sw.
func (r *refusal) codeText(sw *Switches) string {
	if sw.ErrorStyle == "table" {
		return strconv.Itoa(r.code)
	}
	return "VC_" + strconv.Itoa(r.code)
}

// answer is what goes back over the wire.
type answer struct {
	status     int
	body       []byte
	html       bool
	retryAfter int // seconds, 0: no such header
}

// beginOK appends a successful envelope up to its data.
func beginOK(dst []byte, requestID string) []byte {
	dst = append(dst, `{"result":true,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"`...)
	dst = append(dst, requestID...)
	return append(dst, `","data":`...)
}

// endOK appends what follows the data.
func endOK(dst []byte) []byte {
	return append(dst, `,"message":null,"localizedMessage":null}`...)
}

// refused turns a refusal into an answer to c.
func (c *call) refused(r *refusal) answer {
	switch {
	case r.code == 0:
		return c.gateway(http.StatusInternalServerError, "GU_1101", "Unexpected error: "+r.text)
	case r.exception() && c.sw.ErrorStyle != "table":
		return c.exception(http.StatusInternalServerError, "com.gainsight.cs.goal.exception.CSGoalException", r.text)
	}
	message := r.text
	if r.code != metricInUse {
		message += " " + c.requestID // the page's failure sample ends its message so
	}
	return c.failure(http.StatusBadRequest, r.codeText(c.sw), message, r.info)
}

// failure is an envelope with result:false.
func (c *call) failure(status int, code, message, info string) answer {
	if info == "" {
		info = "null"
	}
	dst := append([]byte(nil), `{"result":false,"errorCode":`...)
	dst = appendText(dst, code)
	dst = append(dst, `,"errorDesc":null,"localizedErrorDesc":null,"requestId":"`...)
	dst = append(dst, c.requestID...)
	dst = append(dst, `","data":null,"message":`...)
	dst = appendText(dst, message)
	dst = append(dst, `,"localizedMessage":null,"errorInfo":`...)
	dst = append(append(dst, info...), '}')
	return answer{status: status, body: dst}
}

// gateway is the body of the gateway in front of the API, which has no data.
func (c *call) gateway(status int, code, text string) answer {
	dst := append([]byte(nil), `{"result":false,"errorCode":`...)
	dst = appendText(dst, code)
	dst = append(dst, `,"errorDesc":`...)
	dst = appendText(dst, text)
	dst = append(dst, `,"requestId":"`...)
	dst = append(dst, c.requestID...)
	dst = append(dst, `","message":null}`...)
	return answer{status: status, body: dst}
}

// exception is the body of an error page of the service. Its path is the
// service's own: the page shows it without /v1.
func (c *call) exception(status int, class, message string) answer {
	dst := append([]byte(nil), `{"timestamp":`...)
	dst = strconv.AppendInt(dst, c.at.UnixMilli(), 10)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, `,"error":`...)
	dst = appendText(dst, http.StatusText(status))
	dst = append(dst, `,"exception":`...)
	dst = appendText(dst, class)
	dst = append(dst, `,"message":`...)
	dst = appendText(dst, message)
	dst = append(dst, `,"path":`...)
	dst = appendText(dst, strings.TrimPrefix(c.path, "/v1"))
	return answer{status: status, body: append(dst, '}')}
}

func (c *call) unauthorized() answer {
	return c.gateway(http.StatusUnauthorized, "GS_APIG_2401", "Invalid access key")
}

// throttled is the answer to a call over the limit.
func (c *call) throttled(retry int) answer {
	code, text := "GS_APIG_2404", "Rate limit exceeded"
	if c.sw.ThrottleCode == "GU_2400" || c.sw.ThrottleCode == "both" && c.ordinal%2 == 0 {
		code, text = "GU_2400", "Too many request"
	}
	a := c.gateway(http.StatusTooManyRequests, code, text)
	if c.sw.RetryAfter {
		a.retryAfter = max(retry, 1)
	}
	return a
}

func (c *call) notFound() answer {
	return c.gateway(http.StatusNotFound, "GS_APIG_1000", "No route found for the request")
}

func (c *call) wrongMethod() answer {
	return c.exception(http.StatusMethodNotAllowed, "org.springframework.web.HttpRequestMethodNotSupportedException",
		"Request method '"+c.method+"' not supported")
}

func (c *call) unreadable(why string) answer {
	return c.exception(http.StatusBadRequest, "org.springframework.http.converter.HttpMessageNotReadableException",
		"Could not read JSON document: "+why)
}

// htmlError is the page of a proxy that never asked the service.
func htmlError(status int) answer {
	title := http.StatusText(status)
	if status == http.StatusOK {
		title = "Sign in"
	}
	page := "<!DOCTYPE html>\n<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n"
	return answer{status: status, body: []byte(page), html: true}
}
