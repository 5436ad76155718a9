// What both drivers for Go share: where the target is, how a step is reported, how one is led to another server.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var (
	isTransactionMode = os.Getenv("DRIVER_MODE") == "transaction"
	prepares          = os.Getenv("DRIVER_PREPARE") != "false"
	servers, _        = strconv.Atoi(os.Getenv("DRIVER_SERVERS"))
	answers           = bufio.NewReader(os.Stdin)
	endings           []func()
)

type notApplicable string

func (reason notApplicable) Error() string { return string(reason) }

// atEnd has it called when the step is over, however it ended.
func atEnd(ending func()) { endings = append(endings, ending) }

func runSteps(script map[int]func()) {
	for _, number := range strings.Split(os.Getenv("DRIVER_STEPS"), ",") {
		step, _ := strconv.Atoi(number)
		outcome := outcomeOf(script[step])
		for len(endings) > 0 {
			last := endings[len(endings)-1]
			endings = endings[:len(endings)-1]
			last()
		}
		outcome["step"] = step
		say(outcome)
	}
}

func outcomeOf(step func()) (outcome map[string]interface{}) {
	outcome = map[string]interface{}{"result": "ok"}
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case notApplicable:
			outcome = map[string]interface{}{"result": "n/a", "message": string(failure)}
		default:
			outcome = map[string]interface{}{"result": "failed", "message": fmt.Sprint(failure)}
		}
	}()
	step()
	return
}

func say(line map[string]interface{}) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func askRunner(what string) {
	say(map[string]interface{}{"ask": what})
	answer, _ := answers.ReadString('\n')
	equal(strings.TrimSpace(answer), "done")
}

// must ends the step with an error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Errorf("got %.100v, wanted %.100v", got, wanted))
	}
}

// mustFail is the call's error, which has to come within 15 s.
func mustFail(call func() error) error {
	failed := make(chan error, 1)
	go func() { failed <- call() }()
	select {
	case err := <-failed:
		if err == nil {
			panic("it should have failed")
		}
		return err
	case <-time.After(15 * time.Second):
		panic("neither ended nor refused, for 15 s")
	}
}

type holder struct {
	pid     int
	release func()
}

// onTwoServers calls use, which answers the pid of its backend, until it has run on two servers; others hold the first
// one meanwhile.
func onTwoServers(use func() int, hold func() holder) {
	first := use()
	if !isTransactionMode {
		equal(use(), first)
		return
	}
	var holders []holder
	for isHeld := false; !isHeld && len(holders) < servers; {
		holders = append(holders, hold())
		isHeld = holders[len(holders)-1].pid == first
	}
	if len(holders) == servers {
		holders[0].release()
		holders = holders[1:]
	}
	if use() == first {
		panic("it has run on one server only")
	}
	for _, each := range holders {
		each.release()
	}
	use()
}
