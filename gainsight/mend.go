package gainsight

import (
	"net/http"
	"strings"
)

// Mend says what a person can do about a rejected record, from "Error Codes" of
// the specification and its samples of failures; "" for other answers.
func (a Answer) Mend() string {
	if a.Verdict != Rejected {
		return ""
	}
	message := strings.ToLower(a.Message)
	says := func(words ...string) bool {
		for _, word := range words {
			if !strings.Contains(message, word) {
				return false
			}
		}
		return true
	}
	switch number := codeNumber(a.Code); {
	case number == "8001", says("cta", "empty"):
		return "leave the CTA cell blank, or list Gsids in it"
	case number == "8002", says("success plan", "empty"):
		return "leave the SP cell blank, or list Gsids in it"
	case number == "8007":
		return "take a smaller --page-size"
	case number == "8008", says("lookup"):
		return "correct the name, give the record's Gsid, or turn names into Gsids with --id-map"
	case number == "8009", says("invalid field"):
		return "correct the API name of the field, or leave its column out"
	case number == "8010", says("status"):
		return "give a status of the tenant; gsbatch export picklists lists them"
	case number == "8026":
		return "take the metric off them first"
	case says("gsid"), says("not found"):
		return "correct the Gsid; an export has those of the tenant"
	case a.HTTPStatus == http.StatusRequestEntityTooLarge:
		return "shorten the texts of the row"
	}
	return "mend the row as the message says; Gainsight's support can look the request id up"
}

// codeNumber are the four digits at the end of a code: 8026 of VC_8026.
func codeNumber(code string) string {
	if !recordCode(code) {
		return ""
	}
	return code[len(code)-4:]
}
