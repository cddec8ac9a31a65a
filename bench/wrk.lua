-- For wrk: the requests of the file REQUESTS, a line `token path` each, one after another and again
-- from the start; the pause PAUSE_MS before each; at the end one line of JSON, times in µs.

local requests, at = {}, 0
local pause = tonumber(os.getenv("PAUSE_MS"))

function init()
    for line in io.lines(os.getenv("REQUESTS")) do
        local token, path = line:match("^(%S+) (%S+)$")
        requests[#requests + 1] = wrk.format("GET", path, {
            Host = wrk.headers["Host"], Authorization = "Bearer " .. token })
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

if pause > 0 then
    function delay() return pause end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('{"messages":%d,"seconds":%.6f,"errors":%d,"p50_us":%d,"p99_us":%d,"max_us":%d}\n',
        summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency.max))
end
