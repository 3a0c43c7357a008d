// The reads of ten-thousand by aws-sdk-go-v2: one pass over all queues and groups, after a short
// warm-up. Arguments: policies, region... Prints one line of JSON: calls, CPU seconds, private MiB.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const workers = 96

var calls atomic.Int64

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func cpu() float64 {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func privateMiB() float64 {
	f, err := os.Open("/proc/self/smaps_rollup")
	must(err)
	defer f.Close()
	kb := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		part := strings.Fields(s.Text())
		if len(part) > 1 && (part[0] == "Private_Clean:" || part[0] == "Private_Dirty:") {
			n, _ := strconv.Atoi(part[1])
			kb += n
		}
	}
	return float64(kb) / 1024
}

func run(jobs []func()) {
	var wait sync.WaitGroup
	work := make(chan func())
	for i := 0; i < workers; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for job := range work {
				job()
				calls.Add(1)
			}
		}()
	}
	for _, job := range jobs {
		work <- job
	}
	close(work)
	wait.Wait()
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	must(err)
	regions := os.Args[2:]
	ctx := context.Background()
	queues := map[string]*sqs.Client{}
	groups := map[string]*autoscaling.Client{}
	for _, r := range regions {
		c, err := config.LoadDefaultConfig(ctx, config.WithRegion(r))
		must(err)
		queues[r], groups[r] = sqs.NewFromConfig(c), autoscaling.NewFromConfig(c)
	}
	var jobs []func()
	names := map[string][]string{}
	for n := 0; n < count; n++ {
		region := regions[n%len(regions)]
		url := fmt.Sprintf("https://sqs.%s.amazonaws.com/123456789012/q%05d", region, n)
		names[region] = append(names[region], fmt.Sprintf("g%05d", n))
		jobs = append(jobs, func() {
			_, err := queues[region].GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url,
				AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages",
					"ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}})
			must(err)
		})
	}
	for region, all := range names {
		for i := 0; i < len(all); i += 100 {
			part := all[i:min(i+100, len(all))]
			jobs = append(jobs, func() {
				found, err := groups[region].DescribeAutoScalingGroups(ctx,
					&autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: part})
				must(err)
				if len(found.AutoScalingGroups) == 0 {
					log.Fatal("no groups")
				}
			})
		}
	}
	run(jobs[:min(count, 200)])
	calls.Store(0)
	began, used := time.Now(), cpu()
	run(jobs)
	fmt.Printf("{\"calls\": %d, \"cpu_s\": %f, \"wall_s\": %f, \"private_mib\": %f}\n", calls.Load(),
		cpu()-used, time.Since(began).Seconds(), privateMiB())
}
