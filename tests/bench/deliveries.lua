-- wrk's side of the delivery rows. Arguments: a file with the prepared deliveries, how many of them to send
-- a second (0: as fast as they go), and over how many connections. The file holds for each delivery a line
-- "LENGTH SIGNATURE" and the body; they are sent in turn, each with an id of its own.
-- The answers' delays go to standard output as one line of JSON.

local bodies, turn, pause, threads = {}, 0, 0, {}
others = 0  -- answers other than 202; global, so that done() can ask for it

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

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  load(args[1])
  local rate, connections = tonumber(args[2]), tonumber(args[3])
  pause = rate > 0 and 1000 * connections / rate or 0
  math.randomseed(os.time())
  turn = math.random(0, 2 ^ 30) * 1000000
  if rate > 0 then  -- reading every status costs wrk too much for the fastest rows
    response = function(status)
      others = others + (status ~= 202 and 1 or 0)
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
  local errors, not_202 = summary.errors, 0
  for _, thread in ipairs(threads) do
    not_202 = not_202 + thread:get("others")
  end
  print(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,"errors":%d,"refused":%d,"others":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status, not_202))
end
