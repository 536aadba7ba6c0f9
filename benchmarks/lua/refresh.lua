-- Each answer's refresh token is the next request's: as many chains as there are lines.
--   wrk ... -s refresh.lua URL -- FILE FIELD ROUND
-- A token is either with the server or in the queue, so a connection carries on with an answer's.
dofile("benchmarks/lua/report.lua")

local queue, first, last, field, pattern, round = {}, 1, 0, nil, nil, nil
local keys, is_rehearsal = 0, true

function init(arguments)
  queue = lines_of(arguments[1])
  last, field, round = #queue, arguments[2], arguments[3]
  pattern = '"' .. field .. '"%s*:%s*"([^"]+)"'
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  local token = queue[first]
  assert(token, "there are fewer tokens than connections")
  -- wrk asks for one request before the first, and never sends it.
  if is_rehearsal then is_rehearsal = false
  else queue[first] = nil; first = first + 1 end
  keys = keys + 1
  wrk.headers["Idempotency-Key"] = string.format("benchmark-%s-%08d", round, keys)
  return wrk.format(nil, nil, nil, string.format('{"%s": "%s"}', field, token))
end

function response(status, _, body)
  local token = body:match(pattern)
  assert(status == 200 and token, "refused: " .. status .. " " .. body)
  last = last + 1
  queue[last] = token
end
