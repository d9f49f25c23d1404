-- For wrk: logs in as one account after the other. Arguments: the form of each, already encoded.
local forms = {}
local turn = 0

function init(arguments)
  forms = arguments
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
  turn = turn % #forms + 1
  return wrk.format(nil, nil, nil, forms[turn])
end
