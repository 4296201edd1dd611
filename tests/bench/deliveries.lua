-- wrk's side of the delivery rows. Arguments: a file with the prepared deliveries, and how many to send
-- (0: until wrk's time is over) at how many a second (0: as fast as they go). The file holds for each
-- delivery a line "LENGTH SIGNATURE" and the body; they are sent in turn, each with an id of its own.
-- The answers' delays go to standard output as one line of JSON.

local bodies, turn, sent, answered, others, wanted, pause = {}, 0, 0, 0, 0, 0, 0

local function load(path)
  local file = assert(io.open(path, "rb"))
  for line in file:lines() do
    local length, signature = line:match("^(%d+) (%S+)$")
    local body = file:read(tonumber(length))
    file:read(1)
    bodies[#bodies + 1] = {
      before = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
        "\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: " ..
        signature .. "\r\nContent-Length: " .. length .. "\r\nX-GitHub-Delivery: ",
      after = "\r\n\r\n" .. body,
    }
  end
  file:close()
end

function init(args)
  load(args[1])
  wanted = tonumber(args[2])
  local rate = tonumber(args[3])
  pause = rate > 0 and 1000 * tonumber(args[4]) / rate or 0
  math.randomseed(os.time())
  turn = math.random(0, 2 ^ 30) * 1000000
  if wanted > 0 then
    response = function(status)
      answered = answered + 1
      if status ~= 202 then
        others = others + 1
      end
      if answered >= wanted then
        print(string.format("answered %d, of which not 202: %d", answered, others))
        wrk.thread:stop()
      end
    end
  end
end

function delay()
  return pause
end

function request()
  turn = turn + 1
  local delivery = bodies[turn % #bodies + 1]
  return delivery.before .. string.format("%015d", turn) .. delivery.after
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,"errors":%d,"refused":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
